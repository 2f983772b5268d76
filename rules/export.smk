rule export_model:
    message:
        "Model card and folder of {wildcards.name}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        model=f"{RESULTS}/{{registry}}/{{name}}/seed{{seed}}/manifest.json",
        tables=lambda wildcards: figures_of(wildcards.registry),
    output:
        f"{RESULTS}/export/{{registry}}/{{name}}/seed{{seed}}/manifest.json",
    params:
        code=code("export_model.py"),
        config=lambda wildcards: part(table_sections.card(CONFIG, wildcards.registry, wildcards.name)),
    log:
        f"{LOGS}/export/{{registry}}/{{name}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/export/{{registry}}/{{name}}/seed{{seed}}.tsv"
    wildcard_constraints:
        registry="judges|policies",
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/export_model.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --tables {input.tables} --output {output} > {log} 2>&1"
