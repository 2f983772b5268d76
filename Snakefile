from snakemake.utils import min_version

min_version("9.10")

# The tiny run, unless --configfile names another. Given files stand alone: they are not merged into it.
if not workflow.configfiles:

    configfile: "config/tiny.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/judging.smk"
include: "rules/stories.smk"
include: "rules/evaluation.smk"
include: "rules/benchmarks.smk"
include: "rules/report.smk"


report: "report/workflow.rst"


container: f"{workflow.basedir}/envs/rlcs.sif"  # envs/rlcs.def; used with --sdm apptainer alone


STARTED = time.time()
CONSOLE = console.install(workflow)

if workflow.is_main_process and not ON_CLUSTER:  # where each job has GPUs of its own
    share_gpus()


onstart:
    stages = [job for job in workflow.dag.needrun_jobs() if job.output]
    if workflow.executor_plugin.name == "local":
        lines = plugin_files.plugin_problems(CONFIG) if stages else []
        plugins = [Finding.of_line("error", line) for line in lines]
        refuse([*at_hand.start_problems(CONFIG, map(needs_of, stages)), *plugins])
    try:
        config_file(None)  # what the run is made with, for compare
    except OSError:
        refuse([Finding("error", "disk", console.unwritable(Path(LOGS)))])
    look_for_jobs_when_one_ends()
    if CONSOLE:
        CONSOLE.follow()
    trains = any(job.rule.name.startswith("train_") for job in stages)
    if trains and (how := TRACKING.how_to_watch(Path(sys.executable).parent)):
        print(f"Watch the trainings: {how}", file=sys.stderr)
    if fork_server.is_wanted() and workflow.executor_plugin.name == "local":
        put_first_in_path(fork_server.program_folder())


onsuccess:
    summary = console.summarize_run(
        Path(RESULTS), STARTED, synthetic=CONFIG.synthetic, rehearsal=CONFIG.rehearses is not None
    )
    print(summary, file=sys.stderr)


onerror:
    if failures := console.summarize_failures(CONSOLE, LOGS):
        print(failures, file=sys.stderr)


localrules:
    all,
    tables,
    effects,
    check,
    clean_checkpoints,
    compare,
    export,
    fetch,
    init,
    push,
    rehearse,


rule all:
    message:
        "Everything of the run {CONFIG.run}: tables, figures, the report and the gallery"
    default_target: True
    input:
        TABLES,
        artifact("figures"),
        artifact("report"),
        [artifact("gallery")] if CONFIG.tables.win_rates.rows else [],
        [artifact("human")] if CONFIG.human else [],


rule tables:
    message:
        "All tables of the run {CONFIG.run}"
    input:
        TABLES,


rule effects:
    message:
        "The effects that the papers claim, measured in the run {CONFIG.run}"
    input:
        f"{RESULTS}/tables/effects/effects.md",
    log:
        f"{LOGS}/effects.log",
    conda:
        "envs/rlcs.yaml"
    shell:
        "tee {log} < {input}"


rule export:
    message:
        "Trained judges and policies of the run {CONFIG.run}, each as a folder with a model card"
    input:
        [
            manifest.replace(RESULTS, f"{RESULTS}/export")
            for registry in ("judges", "policies")
            for manifest in trained(registry)
        ],
    params:
        folders=lambda _, input: [str(Path(manifest).parent) for manifest in input],
    log:
        f"{LOGS}/export.log",
    retries: 0
    conda:
        "envs/rlcs.yaml"
    shell:
        "printf 'exported: %s\\n' {params.folders:q} | tee {log}"


rule push:
    message:
        "Upload an exported model to a hub: --config model=judges/NAME repo=ORGANIZATION/NAME"
    input:
        pushed_manifest,
    params:
        folder=lambda _, input: str(Path(input[0]).parent),
        repo=lambda _: GIVEN["repo"],
        public="--public" if GIVEN["public"] else "",
    log:
        f"{LOGS}/push.log",
    retries: 0
    conda:
        "envs/rlcs.yaml"
    shell:
        "python workflow_scripts/push_model.py --folder {params.folder:q} --repo {params.repo:q} {params.public}"
        " 2>&1 | tee {log}"


rule compare:
    message:
        "Compare two runs: --config runs=A,B, each the name of a run or a folder of docs/results"
    params:
        runs=GIVEN["runs"] or "",
    log:
        "results/compare/compare.log",
    retries: 0
    conda:
        "envs/rlcs.yaml"
    shell:
        "python workflow_scripts/compare_runs.py {params.runs:q} 2>&1 | tee {log}"


rule rehearse:
    message:
        "Rehearse the run {CONFIG.run}: the same graph with small models, in results/{CONFIG.run}-rehearsal"
    params:
        config=config_file,
        each=EACH,
        vllm="--vllm" if VLLM else "",
        site=lambda _: "--slurm" if workflow.executor_plugin.name == "slurm" else "",
        arguments=json.dumps(sys.argv[1:]),
    log:
        f"{LOGS}/rehearse.log",
    retries: 0
    conda:
        "envs/rlcs.yaml"
    shell:
        "python workflow_scripts/rehearse.py --config {params.config} --each {params.each} {params.vllm}"
        " {params.site} --arguments {params.arguments:q} 2>&1 | tee {log}"


rule init:
    message:
        "A config for the pairs of --config preferences=FILE; for=cpu, gpu or slurm; to=config/mine.yaml"
    params:
        words=shlex.join([f"--{key}={value}" for key, value in ASKED.items()]),
    log:
        f"{LOGS}/init.log",
    retries: 0
    conda:
        "envs/rlcs.yaml"
    shell:
        "python workflow_scripts/init.py {params.words} > {log} 2>&1 && cat {log}"


rule check:
    message:
        "All that can be known of the run {CONFIG.run} before its first job"
    params:
        config=config_file,
        results=RESULTS,
        site=lambda _: "--site slurm/site.yaml" if workflow.executor_plugin.name == "slurm" else "",
        strict="--strict" if STRICT else "",
    log:
        f"{LOGS}/check.log",
    retries: 0
    conda:
        "envs/rlcs.yaml"
    shell:
        "python workflow_scripts/check_config.py --config {params.config} --results {params.results}"
        " {params.site} {params.strict} > {log} 2>&1 && cat {log}"


rule fetch:
    message:
        "Models and data sets of the run {CONFIG.run} into the hub's cache of this machine"
    params:
        config=config_file,
    log:
        f"{LOGS}/fetch.log",
    retries: 0
    conda:
        "envs/rlcs.yaml"
    shell:
        "python workflow_scripts/fetch_inputs.py --config {params.config} 2>&1 | tee {log}"


rule clean_checkpoints:
    message:
        "What stopped stages of the run {CONFIG.run} left behind; nothing is removed"
    params:
        results=RESULTS,
    log:
        f"{LOGS}/clean_checkpoints.log",
    retries: 0
    conda:
        "envs/rlcs.yaml"
    shell:
        "python workflow_scripts/clean_checkpoints.py {params.results} 2>&1 | tee {log}"
