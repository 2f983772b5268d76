rule plot_curves:
    message:
        "Figures: training curves"
    input:
        bases=trained("bases"),
        judges=trained("judges"),
        policies=trained("policies"),
    output:
        manifest=artifact("figures"),
        curves=curve_figures(),
    params:
        code=code("plot_curves.py"),
        config=config_param(table_configs.curves),
    log:
        log_file("figures"),
    benchmark:
        benchmark_file("figures")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/plot_curves.py --config {params.config:q} --bases {input.bases}"
        " --judges {input.judges} --policies {input.policies} --output {output.manifest} > {log} 2>&1"


rule write_report:
    message:
        "Report: {RESULTS}/report/report.html"
    input:
        preferences=PREFERENCES,
        tables=TABLES,
        figures=artifact("figures"),
        matches=of_seeds("matches", CONFIG.tables.win_rates.judges[-1:], lambda _: [FIRST_SEED]),
        stories=of_seeds("stories", CONFIG.tables.win_rates.rows),
        bases=trained("bases"),
        judges=trained("judges"),
        policies=trained("policies"),
    output:
        manifest=artifact("report"),
        page=page_file("report", "everything on one page"),
    params:
        code=code("write_report.py"),
        config=config_param(table_configs.report),
    log:
        log_file("report"),
    benchmark:
        benchmark_file("report")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/write_report.py --config {params.config:q} --preferences {input.preferences}"
        " --tables {input.tables} --figures {input.figures} --matches {input.matches} --stories {input.stories}"
        " --models {input.bases} {input.judges} {input.policies} --output {output.manifest} > {log} 2>&1"


rule write_gallery:
    message:
        "Gallery: {RESULTS}/gallery/gallery.html"
    input:
        preferences=PREFERENCES,
        stories=of_seeds("stories", CONFIG.tables.win_rates.rows),
        matches=of_seeds("matches", CONFIG.tables.win_rates.judges),
        checks=lambda _: of_seeds("checks", verified_policies()),
        policies=lambda _: of_seeds("policies", table_configs.policies_with_snapshots(CONFIG)),
    output:
        manifest=artifact("gallery"),
        page=page_file("gallery", "stories side by side"),
    params:
        code=code("write_gallery.py"),
        config=config_param(table_configs.gallery),
    log:
        log_file("gallery"),
    benchmark:
        benchmark_file("gallery")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/write_gallery.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --matches {input.matches} --checks {input.checks} --policies {input.policies}"
        " --output {output.manifest} > {log} 2>&1"


rule write_blind_sheet:
    message:
        "Blind sheet for people: {RESULTS}/human/sheet.html"
    input:
        preferences=PREFERENCES,
        stories=[artifact(f"stories/{policy}/seed{FIRST_SEED}") for policy in CONFIG.tables.win_rates.rows],
    output:
        manifest=artifact("human"),
        page=f"{RESULTS}/human/sheet.html",
    params:
        code=code("write_blind_sheet.py"),
        config=config_param(table_configs.sheet),
    log:
        log_file("human"),
    benchmark:
        benchmark_file("human")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/write_blind_sheet.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --output {output.manifest} > {log} 2>&1"


rule export_model:
    message:
        "Model card and folder of {wildcards.name}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        model=artifact("{registry}/{name}/seed{seed}"),
        tables=lambda wildcards: card_tables(wildcards.registry),
    output:
        artifact("export/{registry}/{name}/seed{seed}"),
    params:
        code=code("export_model.py"),
        config=config_param(table_configs.card, "registry", "name"),
    log:
        log_file("export/{registry}/{name}/seed{seed}"),
    benchmark:
        benchmark_file("export/{registry}/{name}/seed{seed}")
    wildcard_constraints:
        registry="judges|policies",
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/export_model.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --tables {input.tables} --output {output} > {log} 2>&1"
