rule ingest_benchmark:
    message:
        "Benchmark {wildcards.name}: validate, quarantine what cannot be used"
    input:
        files=benchmark_files,
    output:
        artifact("benchmark_pairs/{name}"),
    params:
        code=code("ingest.py"),
        config=config_param(stage_configs.benchmark, "name"),
    log:
        log_file("benchmark_pairs/{name}"),
    benchmark:
        benchmark_file("benchmark_pairs/{name}")
    wildcard_constraints:
        name=names_of(CONFIG.benchmarks, object),
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/ingest.py --config {params.config:q} --files {input.files:q} --contexts"
        " --output {output} > {log} 2>&1 && cat {log}"


rule judge_benchmark_pairs:
    message:
        "Benchmark {wildcards.name}: {wildcards.judge}, seed {wildcards.seed}, judges the pairs in both orders"
    input:
        preferences=artifact("benchmark_pairs/{name}"),
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        artifact("benchmark_judgements/{judge}/{name}/seed{seed}"),
    params:
        code=code("judge_pairs.py"),
        config=config_param(stage_configs.judge_benchmark, "judge", "name"),
        endpoint=endpoint_param("judge"),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving_param(),
    log:
        log_file("benchmark_judgements/{judge}/{name}/seed{seed}"),
    benchmark:
        benchmark_file("benchmark_judgements/{judge}/{name}/seed{seed}")
    wildcard_constraints:
        judge=names_of(CONFIG.judges, object),
        name=names_of(CONFIG.benchmarks, object),
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/judge_pairs.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --split test --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule tabulate_benchmarks:
    message:
        "Table: judges on benchmarks"
    input:
        preferences=PREFERENCES,
        benchmarks=[artifact(f"benchmark_pairs/{name}") for name in CONFIG.benchmarks],
        judgements=benchmark_judgements(),
    output:
        manifest=artifact("tables/benchmarks"),
        table=table_file("benchmarks"),
        data=table_file("benchmark_data", folder="benchmarks"),
    params:
        code=code("tabulate_benchmarks.py"),
        config=config_param(table_configs.benchmarks),
    log:
        log_file("tables/benchmarks"),
    benchmark:
        benchmark_file("tables/benchmarks")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_benchmarks.py --config {params.config:q}"
        " --preferences {input.preferences} --benchmarks {input.benchmarks} --judgements {input.judgements}"
        " --output {output.manifest} > {log} 2>&1"
