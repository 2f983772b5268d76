rule plot_curves:
    message:
        "Figures: training curves"
    input:
        bases=lambda _: trained("bases"),
        judges=lambda _: trained("judges"),
        policies=lambda _: trained("policies"),
    output:
        f"{RESULTS}/figures/manifest.json",
    params:
        code=code("plot_curves.py"),
        config=lambda _: part(table_configs.curves(CONFIG)),
    log:
        f"{LOGS}/figures.log",
    benchmark:
        f"{BENCHMARKS}/figures.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/plot_curves.py --config {params.config:q} --bases {input.bases}"
        " --judges {input.judges} --policies {input.policies} --output {output} > {log} 2>&1"


rule write_report:
    message:
        "Report: {RESULTS}/report/report.html"
    input:
        preferences=PREFERENCES,
        tables=TABLES,
        figures=f"{RESULTS}/figures/manifest.json",
        matches=f"{RESULTS}/matches/{CONFIG.tables.win_rates.judges[-1]}/seed{FIRST_SEED}/manifest.json",
        stories=stories_of,
        bases=lambda _: trained("bases"),
        judges=lambda _: trained("judges"),
        policies=lambda _: trained("policies"),
    output:
        manifest=f"{RESULTS}/report/manifest.json",
        page=report(
            f"{RESULTS}/report/report.html",
            caption="../report/page.rst",
            category="Report",
            labels={"page": "everything on one page"},
        ),
    params:
        code=code("write_report.py"),
        config=lambda _: part(table_configs.report(CONFIG)),
    log:
        f"{LOGS}/report.log",
    benchmark:
        f"{BENCHMARKS}/report.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/write_report.py --config {params.config:q} --preferences {input.preferences}"
        " --tables {input.tables} --figures {input.figures} --matches {input.matches} --stories {input.stories}"
        " --models {input.bases} {input.judges} {input.policies} --output {output.manifest} > {log} 2>&1"


rule write_gallery:
    message:
        "Gallery: {RESULTS}/gallery/gallery.html"
    input:
        preferences=PREFERENCES,
        stories=stories_of,
        matches=matches_of,
        checks=lambda _: of_seeds("checks", verified_policies()),
        policies=lambda _: of_seeds("policies", table_configs.policies_with_snapshots(CONFIG)),
    output:
        manifest=f"{RESULTS}/gallery/manifest.json",
        page=report(
            f"{RESULTS}/gallery/gallery.html",
            caption="../report/gallery.rst",
            category="Report",
            labels={"page": "stories side by side"},
        ),
    params:
        code=code("write_gallery.py"),
        config=lambda _: part(table_configs.gallery(CONFIG)),
    log:
        f"{LOGS}/gallery.log",
    benchmark:
        f"{BENCHMARKS}/gallery.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/write_gallery.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --matches {input.matches} --checks {input.checks} --policies {input.policies}"
        " --output {output.manifest} > {log} 2>&1"


rule write_blind_sheet:
    message:
        "Blind sheet for people: {RESULTS}/human/sheet.html"
    input:
        preferences=PREFERENCES,
        stories=expand(
            f"{RESULTS}/stories/{{policy}}/seed{FIRST_SEED}/manifest.json",
            policy=CONFIG.tables.win_rates.rows,
        ),
    output:
        manifest=f"{RESULTS}/human/manifest.json",
        page=f"{RESULTS}/human/sheet.html",
    params:
        code=code("write_blind_sheet.py"),
        config=lambda _: part(table_configs.sheet(CONFIG)),
    log:
        f"{LOGS}/human.log",
    benchmark:
        f"{BENCHMARKS}/human.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/write_blind_sheet.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --output {output.manifest} > {log} 2>&1"


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
        config=lambda wildcards: part(table_configs.card(CONFIG, wildcards.registry, wildcards.name)),
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
