def alignment_of(_):
    return [
        f"{RESULTS}/alignment/{judge}/seed{seed}/manifest.json"
        for judge in CONFIG.tables.alignment.rows
        for seed in seeds_of(judge)
    ]


def matches_of(_):
    return expand(
        f"{RESULTS}/matches/{{judge}}/seed{{seed}}/manifest.json",
        judge=CONFIG.tables.win_rates.judges,
        seed=CONFIG.seeds,
    )


def stories_of(_):
    return expand(
        f"{RESULTS}/stories/{{policy}}/seed{{seed}}/manifest.json",
        policy=CONFIG.tables.win_rates.rows,
        seed=CONFIG.seeds,
    )


def compared_models(registry, names, trained=lambda model: True):
    """The trained models that a table compares, and the parents that they come from."""
    models = getattr(CONFIG, registry)
    lineage = [
        ancestor
        for name in names
        for ancestor in reversed(configuration.lineage(models, name))
    ]
    return [
        f"{RESULTS}/{registry}/{name}/seed{seed}/manifest.json"
        for name in dict.fromkeys(lineage)
        if hasattr(models[name], "training") and trained(models[name])
        for seed in CONFIG.seeds
    ]


def judges_compared(_):
    return compared_models("judges", CONFIG.tables.alignment.rows)


def policies_compared(_):
    return compared_models("policies", CONFIG.tables.win_rates.rows)


def is_grpo(model):
    return getattr(model, "train", None) == "grpo"


rule tabulate_filter:
    input:
        chains=sorted(
            {
                f"{RESULTS}/chains/{judge.teacher}/manifest.json"
                for judge in CONFIG.judges.values()
                if isinstance(judge, configuration.GenrmSFTJudge)
            }
        ),
    output:
        f"{RESULTS}/tables/filter/manifest.json",
        report(
            f"{RESULTS}/tables/filter/filter.csv",
            caption="../report/filter.rst",
            category="Tables",
            labels={"table": "consistency filter"},
        ),
    log:
        f"{LOGS}/tables/filter.log",
    benchmark:
        f"{BENCHMARKS}/tables/filter.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("tabulate_filter.py"),
        config=part(sections.filter_table(CONFIG)),
    message:
        "Table: what the consistency filter dropped"
    shell:
        "python workflow_scripts/tabulate_filter.py --config {params.config:q} --chains {input.chains}"
        " --output {output[0]} > {log} 2>&1"


rule tabulate_alignment:
    input:
        preferences=PREFERENCES,
        judgements=alignment_of,
    output:
        f"{RESULTS}/tables/alignment/manifest.json",
        report(
            f"{RESULTS}/tables/alignment/alignment.csv",
            caption="../report/alignment.rst",
            category="Tables",
            labels={"table": "human alignment"},
        ),
        report(
            f"{RESULTS}/tables/alignment/alignment_by_domain.csv",
            caption="../report/alignment_by_domain.rst",
            category="Tables",
            labels={"table": "human alignment by domain"},
        ),
        report(
            f"{RESULTS}/tables/alignment/alignment.svg",
            caption="../report/alignment_figure.rst",
            category="Figures",
            labels={"figure": "human alignment"},
        ),
    log:
        f"{LOGS}/tables/alignment.log",
    benchmark:
        f"{BENCHMARKS}/tables/alignment.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("tabulate_alignment.py"),
        config=part(sections.alignment_table(CONFIG)),
    message:
        "Table: judges against human labels"
    shell:
        "python workflow_scripts/tabulate_alignment.py --config {params.config:q}"
        " --preferences {input.preferences} --judgements {input.judgements} --output {output[0]} > {log} 2>&1"


rule tabulate_win_rates:
    input:
        preferences=PREFERENCES,
        stories=stories_of,
        matches=matches_of,
    output:
        f"{RESULTS}/tables/win_rates/manifest.json",
        report(
            f"{RESULTS}/tables/win_rates/win_rates.csv",
            caption="../report/win_rates.rst",
            category="Tables",
            labels={"table": "win rates"},
        ),
        report(
            f"{RESULTS}/tables/win_rates/win_rates.svg",
            caption="../report/win_rates_figure.rst",
            category="Figures",
            labels={"figure": "win rates"},
        ),
    log:
        f"{LOGS}/tables/win_rates.log",
    benchmark:
        f"{BENCHMARKS}/tables/win_rates.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("tabulate_win_rates.py"),
        config=part(sections.win_rate_table(CONFIG)),
    message:
        "Table: policies against {CONFIG.tables.win_rates.reference}"
    shell:
        "python workflow_scripts/tabulate_win_rates.py --config {params.config:q}"
        " --preferences {input.preferences} --stories {input.stories} --matches {input.matches}"
        " --output {output[0]} > {log} 2>&1"


rule draw_curves:
    input:
        judges=lambda _: compared_models(
            "judges", CONFIG.tables.alignment.rows, is_grpo
        ),
        policies=lambda _: compared_models(
            "policies", CONFIG.tables.win_rates.rows, is_grpo
        ),
    output:
        f"{RESULTS}/figures/manifest.json",
    log:
        f"{LOGS}/figures.log",
    benchmark:
        f"{BENCHMARKS}/figures.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("draw_curves.py"),
        config=part({}),
    message:
        "Figures: training curves"
    shell:
        "python workflow_scripts/draw_curves.py --config {params.config:q} --judges {input.judges}"
        " --policies {input.policies} --output {output} > {log} 2>&1"


rule write_report:
    input:
        preferences=PREFERENCES,
        tables=TABLES,
        figures=f"{RESULTS}/figures/manifest.json",
        matches=f"{RESULTS}/matches/{CONFIG.tables.win_rates.judges[-1]}/seed{FIRST_SEED}/manifest.json",
        stories=stories_of,
        bases=lambda _: [base_of(base) for base in CONFIG.bases],
        judges=judges_compared,
        policies=policies_compared,
        template="workflow_scripts/rlcs/templates/report.html.j2",
    output:
        f"{RESULTS}/report/manifest.json",
        report(
            f"{RESULTS}/report/report.html",
            caption="../report/page.rst",
            category="Report",
            labels={"page": "everything on one page"},
        ),
    log:
        f"{LOGS}/report.log",
    benchmark:
        f"{BENCHMARKS}/report.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("write_report.py"),
        config=part(sections.report(CONFIG)),
    message:
        "Report: {RESULTS}/report/report.html"
    shell:
        "python workflow_scripts/write_report.py --config {params.config:q} --preferences {input.preferences}"
        " --tables {input.tables} --figures {input.figures} --matches {input.matches} --stories {input.stories}"
        " --models {input.bases} {input.judges} {input.policies} --output {output[0]} > {log} 2>&1"
