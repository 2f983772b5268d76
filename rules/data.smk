rule make_world:
    output:
        f"{RESULTS}/world/manifest.json",
    log:
        f"{LOGS}/world.log",
    benchmark:
        f"{BENCHMARKS}/world.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("make_world.py"),
        config=part(sections.world(CONFIG)),
    message:
        "The tiny world: contexts, stories and noisy preferences"
    shell:
        "python workflow_scripts/make_world.py --config {params.config:q} --output {output} > {log} 2>&1"


def preference_files(_):
    """The user's files, or the tiny world's; the world's manifest stands for its file."""
    files = CONFIG.data.preferences
    return (
        [f"{RESULTS}/world/manifest.json"]
        if files is None
        else [str(path) for path in files]
    )


rule ingest:
    input:
        files=preference_files,
    output:
        PREFERENCES,
    log:
        f"{LOGS}/preferences.log",
    benchmark:
        f"{BENCHMARKS}/preferences.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("ingest.py"),
        config=part(sections.ingest(CONFIG)),
    message:
        "Validate the preferences, quarantine what cannot be used, split by context"
    shell:
        "python workflow_scripts/ingest.py --config {params.config:q} --files {input.files:q}"
        " --output {output} > {log} 2>&1"


rule make_base:
    output:
        f"{RESULTS}/bases/{{base}}/manifest.json",
    log:
        f"{LOGS}/bases/{{base}}.log",
    benchmark:
        f"{BENCHMARKS}/bases/{{base}}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        code=code("make_base.py"),
        config=lambda wildcards: part(sections.base(CONFIG, wildcards.base)),
    message:
        "Base model {wildcards.base}"
    shell:
        "python workflow_scripts/make_base.py --config {params.config:q} --output {output} > {log} 2>&1"
