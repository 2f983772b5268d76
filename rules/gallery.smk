rule draw_gallery:
    message:
        "Gallery: {RESULTS}/gallery/gallery.html"
    input:
        preferences=PREFERENCES,
        stories=expand(
            f"{RESULTS}/stories/{{policy}}/seed{FIRST_SEED}/manifest.json",
            policy=CONFIG.tables.win_rates.rows,
        ),
        matches=expand(
            f"{RESULTS}/matches/{{judge}}/seed{FIRST_SEED}/manifest.json",
            judge=CONFIG.tables.win_rates.judges,
        ),
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
        config=lambda _: part(sections.gallery(CONFIG)),
    log:
        f"{LOGS}/gallery.log",
    benchmark:
        f"{BENCHMARKS}/gallery.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/draw_gallery.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --matches {input.matches} --output {output.manifest} > {log} 2>&1"
