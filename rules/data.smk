rule generate_world:
    message:
        "The tiny world: contexts, stories and noisy preferences"
    output:
        f"{RESULTS}/world/manifest.json",
    params:
        code=code("generate_world.py"),
        config=lambda _: part(stage_configs.world(CONFIG)),
    log:
        f"{LOGS}/world.log",
    benchmark:
        f"{BENCHMARKS}/world.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/generate_world.py --config {params.config:q} --output {output} > {log} 2>&1"


rule ingest:
    message:
        "Validate the preferences, quarantine what cannot be used, split by context"
    input:
        files=preference_files,
        contexts=[str(path) for path in CONFIG.data.contexts],
    output:
        PREFERENCES,
    params:
        code=code("ingest.py"),
        config=lambda _: part(stage_configs.ingest(CONFIG)),
    log:
        f"{LOGS}/preferences.log",
    benchmark:
        f"{BENCHMARKS}/preferences.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/ingest.py --config {params.config:q} --files {input.files:q}"
        " --contexts {input.contexts:q} --output {output} > {log} 2>&1 && cat {log}"
