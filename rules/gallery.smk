rule draw_gallery:
    message:
        "Gallery: {RESULTS}/gallery/gallery.html"
    input:
        preferences=PREFERENCES,
        stories=stories_of,
        matches=matches_of,
        checks=lambda _: of_seeds("checks", verified_policies()),
        policies=lambda _: of_seeds("policies", table_sections.policies_with_snapshots(CONFIG)),
    output:
        manifest=f"{RESULTS}/gallery/manifest.json",
        page=report(
            f"{RESULTS}/gallery/gallery.html",
            caption="../report/gallery.rst",
            category="Report",
            labels={"page": "stories side by side"},
        ),
    params:
        code=code("draw_gallery.py"),
        config=lambda _: part(table_sections.gallery(CONFIG)),
    log:
        f"{LOGS}/gallery.log",
    benchmark:
        f"{BENCHMARKS}/gallery.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/draw_gallery.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --matches {input.matches} --checks {input.checks} --policies {input.policies}"
        " --output {output.manifest} > {log} 2>&1"


rule draw_sheet:
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
        code=code("draw_sheet.py"),
        config=lambda _: part(table_sections.sheet(CONFIG)),
    log:
        f"{LOGS}/human.log",
    benchmark:
        f"{BENCHMARKS}/human.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/draw_sheet.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --output {output.manifest} > {log} 2>&1"


rule tabulate_human_win_rates:
    message:
        "Table: policies against {CONFIG.tables.win_rates.reference}, by people"
    input:
        sheet=f"{RESULTS}/human/manifest.json",
        annotations=[str(path) for path in CONFIG.human.annotations] if CONFIG.human else [],
    output:
        manifest=f"{RESULTS}/tables/human_win_rates/manifest.json",
        table=report(
            f"{RESULTS}/tables/human_win_rates/human_win_rates.csv",
            caption="../report/human_win_rates.rst",
            category="Tables",
            labels={"table": "win rates by people"},
        ),
    params:
        code=code("tabulate_human_win_rates.py"),
        config=lambda _: part(table_sections.human_table(CONFIG)),
    log:
        f"{LOGS}/tables/human_win_rates.log",
    benchmark:
        f"{BENCHMARKS}/tables/human_win_rates.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_human_win_rates.py --config {params.config:q} --sheet {input.sheet}"
        " --annotations {input.annotations} --output {output.manifest} > {log} 2>&1"
