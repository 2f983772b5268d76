rule generate_world:
    message:
        "The tiny world: contexts, stories and noisy preferences"
    output:
        artifact("world"),
    params:
        code=code("generate_world.py"),
        config=config_param(stage_configs.world),
    log:
        log_file("world"),
    benchmark:
        benchmark_file("world")
    conda:
        "../envs/rlcs.yaml"
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
        config=config_param(stage_configs.ingest),
    log:
        log_file("preferences"),
    benchmark:
        benchmark_file("preferences")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/ingest.py --config {params.config:q} --files {input.files:q}"
        " --contexts {input.contexts:q} --output {output} > {log} 2>&1 && cat {log}"
