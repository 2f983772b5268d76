rule tabulate_filter:
    message:
        "Table: what the consistency filter dropped"
    input:
        chains=filtered_chains(),
    output:
        manifest=f"{RESULTS}/tables/filter/manifest.json",
        table=report(
            f"{RESULTS}/tables/filter/filter.csv",
            caption="../report/filter.rst",
            category="Tables",
            labels={"table": "consistency filter"},
        ),
    params:
        code=code("tabulate_filter.py"),
        config=lambda _: part(table_sections.filter_table(CONFIG)),
    log:
        f"{LOGS}/tables/filter.log",
    benchmark:
        f"{BENCHMARKS}/tables/filter.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_filter.py --config {params.config:q} --chains {input.chains}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_consensus:
    message:
        "Table: consensus labels against human ones"
    input:
        preferences=PREFERENCES,
        consensus=[f"{RESULTS}/consensus/{source}/manifest.json" for source in CONFIG.consensus],
        judgements=[
            f"{RESULTS}/teachers/{teacher}/manifest.json"
            for teacher in table_sections.consensus_table(CONFIG)["teachers"]
        ],
    output:
        manifest=f"{RESULTS}/tables/consensus/manifest.json",
        table=report(
            f"{RESULTS}/tables/consensus/consensus.csv",
            caption="../report/consensus.rst",
            category="Tables",
            labels={"table": "consensus"},
        ),
    params:
        code=code("tabulate_consensus.py"),
        config=lambda _: part(table_sections.consensus_table(CONFIG)),
    log:
        f"{LOGS}/tables/consensus.log",
    benchmark:
        f"{BENCHMARKS}/tables/consensus.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_consensus.py --config {params.config:q}"
        " --preferences {input.preferences} --consensus {input.consensus} --judgements {input.judgements}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_alignment:
    message:
        "Table: judges against human labels"
    input:
        preferences=PREFERENCES,
        judgements=lambda _: alignment_of(CONFIG.tables.alignment.rows),
    output:
        manifest=f"{RESULTS}/tables/alignment/manifest.json",
        table=report(
            f"{RESULTS}/tables/alignment/alignment.csv",
            caption="../report/alignment.rst",
            category="Tables",
            labels={"table": "human alignment"},
        ),
        by_domain=report(
            f"{RESULTS}/tables/alignment/alignment_by_domain.csv",
            caption="../report/alignment_by_domain.rst",
            category="Tables",
            labels={"table": "human alignment by domain"},
        ),
        position_bias=report(
            f"{RESULTS}/tables/alignment/position_bias.csv",
            caption="../report/position_bias.rst",
            category="Tables",
            labels={"table": "position bias"},
        ),
        calibration=report(
            f"{RESULTS}/tables/alignment/calibration.csv",
            caption="../report/calibration.rst",
            category="Tables",
            labels={"table": "calibration"},
        ),
        figure=report(
            f"{RESULTS}/tables/alignment/alignment.svg",
            caption="../report/alignment_figure.rst",
            category="Figures",
            labels={"figure": "human alignment"},
        ),
        position_bias_figure=report(
            f"{RESULTS}/tables/alignment/position_bias.svg",
            caption="../report/position_bias.rst",
            category="Figures",
            labels={"figure": "position bias"},
        ),
    params:
        code=code("tabulate_alignment.py"),
        config=lambda _: part(table_sections.alignment_table(CONFIG)),
    log:
        f"{LOGS}/tables/alignment.log",
    benchmark:
        f"{BENCHMARKS}/tables/alignment.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_alignment.py --config {params.config:q}"
        " --preferences {input.preferences} --judgements {input.judgements} --output {output.manifest} > {log} 2>&1"


rule tabulate_injections:
    message:
        "Table: stories that talk to the judge"
    input:
        preferences=PREFERENCES,
        judgements=injections_of,
    output:
        manifest=f"{RESULTS}/tables/injections/manifest.json",
        table=report(
            f"{RESULTS}/tables/injections/injections.csv",
            caption="../report/injections.rst",
            category="Tables",
            labels={"table": "stories that talk to the judge"},
        ),
    params:
        code=code("tabulate_injections.py"),
        config=lambda _: part(table_sections.injection_table(CONFIG)),
    log:
        f"{LOGS}/tables/injections.log",
    benchmark:
        f"{BENCHMARKS}/tables/injections.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_injections.py --config {params.config:q}"
        " --preferences {input.preferences} --judgements {input.judgements} --output {output.manifest} > {log} 2>&1"


rule tabulate_win_rates:
    message:
        "Table: policies against {CONFIG.tables.win_rates.reference}"
    input:
        preferences=PREFERENCES,
        stories=stories_of,
        matches=matches_of,
    output:
        manifest=f"{RESULTS}/tables/win_rates/manifest.json",
        table=report(
            f"{RESULTS}/tables/win_rates/win_rates.csv",
            caption="../report/win_rates.rst",
            category="Tables",
            labels={"table": "win rates"},
        ),
        matrix=report(
            f"{RESULTS}/tables/win_rates/win_rate_matrix.csv",
            caption="../report/win_rate_matrix.rst",
            category="Tables",
            labels={"table": "every policy against every other"},
        ),
        figure=report(
            f"{RESULTS}/tables/win_rates/win_rates.svg",
            caption="../report/win_rates_figure.rst",
            category="Figures",
            labels={"figure": "win rates"},
        ),
    params:
        code=code("tabulate_win_rates.py"),
        config=lambda _: part(table_sections.win_rate_table(CONFIG)),
    log:
        f"{LOGS}/tables/win_rates.log",
    benchmark:
        f"{BENCHMARKS}/tables/win_rates.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_win_rates.py --config {params.config:q}"
        " --preferences {input.preferences} --stories {input.stories} --matches {input.matches}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_gains:
    message:
        "Table: judges as rewards"
    input:
        preferences=PREFERENCES,
        judgements=lambda _: alignment_of(
            dict.fromkeys(judge for _, judge in table_sections.gain_table(CONFIG)["judge_of"])
        ),
        matches=lambda _: of_seeds("matches", CONFIG.tables.win_rates.judges[:1]),
    output:
        manifest=f"{RESULTS}/tables/gains/manifest.json",
        table=report(
            f"{RESULTS}/tables/gains/gains.csv",
            caption="../report/gains.rst",
            category="Tables",
            labels={"table": "judges as rewards"},
        ),
        figure=report(
            f"{RESULTS}/tables/gains/gains.svg",
            caption="../report/gains.rst",
            category="Figures",
            labels={"figure": "judges as rewards"},
        ),
    params:
        code=code("tabulate_gains.py"),
        config=lambda _: part(table_sections.gain_table(CONFIG)),
    log:
        f"{LOGS}/tables/gains.log",
    benchmark:
        f"{BENCHMARKS}/tables/gains.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_gains.py --config {params.config:q} --preferences {input.preferences}"
        " --judgements {input.judgements} --matches {input.matches} --output {output.manifest} > {log} 2>&1"


rule tabulate_pivots:
    message:
        "Table: designs of pointwise rewards"
    input:
        preferences=PREFERENCES,
        groups=groups_of,
    output:
        manifest=f"{RESULTS}/tables/pivots/manifest.json",
        table=report(
            f"{RESULTS}/tables/pivots/pivots.csv",
            caption="../report/pivots.rst",
            category="Tables",
            labels={"table": "pointwise rewards"},
        ),
        noise=report(
            f"{RESULTS}/tables/pivots/judge_noise.csv",
            caption="../report/judge_noise.rst",
            category="Tables",
            labels={"table": "how judges err"},
        ),
    params:
        code=code("tabulate_pivots.py"),
        config=lambda _: part(table_sections.pivot_table(CONFIG)),
    log:
        f"{LOGS}/tables/pivots.log",
    benchmark:
        f"{BENCHMARKS}/tables/pivots.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_pivots.py --config {params.config:q} --preferences {input.preferences}"
        " --groups {input.groups} --output {output.manifest} > {log} 2>&1"


rule draw_curves:
    message:
        "Figures: training curves"
    input:
        bases=lambda _: trained("bases"),
        judges=lambda _: trained("judges"),
        policies=lambda _: trained("policies"),
    output:
        f"{RESULTS}/figures/manifest.json",
    params:
        code=code("draw_curves.py"),
        config=lambda _: part(table_sections.curves(CONFIG)),
    log:
        f"{LOGS}/figures.log",
    benchmark:
        f"{BENCHMARKS}/figures.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/draw_curves.py --config {params.config:q} --bases {input.bases}"
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
        config=lambda _: part(table_sections.report(CONFIG)),
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
