rule make_world:
    message:
        "The tiny world: contexts, stories and noisy preferences"
    output:
        f"{RESULTS}/world/manifest.json",
    params:
        code=code("make_world.py"),
        config=lambda _: part(sections.world(CONFIG)),
    log:
        f"{LOGS}/world.log",
    benchmark:
        f"{BENCHMARKS}/world.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/make_world.py --config {params.config:q} --output {output} > {log} 2>&1"


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
        config=lambda _: part(sections.ingest(CONFIG)),
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


rule make_base:
    message:
        "Base model {wildcards.base}"
    output:
        f"{RESULTS}/bases/{{base}}/manifest.json",
    params:
        code=code("make_base.py"),
        config=lambda wildcards: part(sections.base(CONFIG, wildcards.base)),
    log:
        f"{LOGS}/bases/{{base}}.log",
    benchmark:
        f"{BENCHMARKS}/bases/{{base}}.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/make_base.py --config {params.config:q} --output {output} > {log} 2>&1"
