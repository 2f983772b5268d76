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
        config=lambda _: part(table_configs.chain_filter(CONFIG)),
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
            for teacher in table_configs.consensus(CONFIG)["teachers"]
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
        config=lambda _: part(table_configs.consensus(CONFIG)),
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
        config=lambda _: part(table_configs.alignment(CONFIG)),
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
        "Table: prompt injection"
    input:
        preferences=PREFERENCES,
        judgements=injections_of,
    output:
        manifest=f"{RESULTS}/tables/injections/manifest.json",
        table=report(
            f"{RESULTS}/tables/injections/injections.csv",
            caption="../report/injections.rst",
            category="Tables",
            labels={"table": "prompt injection"},
        ),
    params:
        code=code("tabulate_injections.py"),
        config=lambda _: part(table_configs.injections(CONFIG)),
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
        config=lambda _: part(table_configs.win_rates(CONFIG)),
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
            dict.fromkeys(judge for _, judge in table_configs.gains(CONFIG)["judge_of"])
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
        config=lambda _: part(table_configs.gains(CONFIG)),
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
        config=lambda _: part(table_configs.pivots(CONFIG)),
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


rule tabulate_constraints:
    message:
        "Table: constraints that the policies keep"
    input:
        preferences=PREFERENCES,
        stories=lambda _: of_seeds(
            "stories", [*CONFIG.tables.constraints.rows, CONFIG.tables.win_rates.reference]
        ),
        matches=lambda _: of_seeds("matches", CONFIG.tables.win_rates.judges[:1]),
        checks=lambda _: of_seeds(
            "checks",
            [*CONFIG.tables.constraints.rows, CONFIG.tables.win_rates.reference] if table_verifier() else [],
        ),
    output:
        manifest=f"{RESULTS}/tables/constraints/manifest.json",
        table=report(
            f"{RESULTS}/tables/constraints/constraints.csv",
            caption="../report/constraints.rst",
            category="Tables",
            labels={"table": "constraints"},
        ),
    params:
        code=code("tabulate_constraints.py"),
        config=lambda _: part(table_configs.constraints(CONFIG)),
    log:
        f"{LOGS}/tables/constraints.log",
    benchmark:
        f"{BENCHMARKS}/tables/constraints.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_constraints.py --config {params.config:q}"
        " --preferences {input.preferences} --stories {input.stories} --matches {input.matches}"
        " --checks {input.checks} --output {output.manifest} > {log} 2>&1"


rule tabulate_ifeval:
    message:
        "Table: instructions that the policies follow"
    input:
        prompts=lambda _: str(CONFIG.tables.ifeval.prompts),
        responses=lambda _: of_seeds("responses", CONFIG.tables.ifeval.rows),
    output:
        manifest=f"{RESULTS}/tables/ifeval/manifest.json",
        table=report(
            f"{RESULTS}/tables/ifeval/ifeval.csv",
            caption="../report/ifeval.rst",
            category="Tables",
            labels={"table": "instruction following"},
        ),
    params:
        code=code("tabulate_ifeval.py"),
        config=lambda _: part(table_configs.ifeval(CONFIG)),
    log:
        f"{LOGS}/tables/ifeval.log",
    benchmark:
        f"{BENCHMARKS}/tables/ifeval.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_ifeval.py --config {params.config:q} --prompts {input.prompts:q}"
        " --responses {input.responses} --output {output.manifest} > {log} 2>&1"


rule tabulate_effects:
    message:
        "Table: the effects that the papers claim"
    input:
        preferences=PREFERENCES,
        judgements=lambda _: alignment_of(effect_systems("accuracy_difference", "flip_rate")),
        taught=[f"{RESULTS}/teachers/{judge}/manifest.json" for judge in effect_systems("chain_correctness")],
        chains=[
            f"{RESULTS}/chains/{effect.systems[0]}/manifest.json"
            for effect in CONFIG.effects
            if effect.metric == "chain_correctness"
        ],
        stories=of_seeds("stories", effect_systems("constraints_difference", "length_difference")),
        matches=of_seeds("matches", CONFIG.tables.win_rates.judges[:1] if effect_systems("win_rate") else []),
        policies=of_seeds("policies", effect_systems("rewarded_violators")),
    output:
        manifest=f"{RESULTS}/tables/effects/manifest.json",
        table=report(
            f"{RESULTS}/tables/effects/effects.csv",
            caption="../report/effects.rst",
            category="Tables",
            labels={"table": "effects"},
        ),
        text=f"{RESULTS}/tables/effects/effects.md",
    params:
        code=code("tabulate_effects.py"),
        config=lambda _: part(table_configs.effects(CONFIG)),
    log:
        f"{LOGS}/tables/effects.log",
    benchmark:
        f"{BENCHMARKS}/tables/effects.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/tabulate_effects.py --config {params.config:q}"
        " --preferences {input.preferences} --judgements {input.judgements} --taught {input.taught}"
        " --chains {input.chains} --stories {input.stories} --matches {input.matches} --policies {input.policies}"
        " --output {output.manifest} > {log} 2>&1"


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
        config=lambda _: part(table_configs.human_win_rates(CONFIG)),
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
