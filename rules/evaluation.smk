rule tabulate_filter:
    message:
        "Table: what the consistency filter dropped"
    input:
        chains=filtered_chains(),
    output:
        manifest=artifact("tables/filter"),
        table=table_file("filter"),
    params:
        code=code("tabulate_filter.py"),
        config=config_param(table_configs.chain_filter),
    log:
        log_file("tables/filter"),
    benchmark:
        benchmark_file("tables/filter")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_filter.py --config {params.config:q} --chains {input.chains}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_consensus:
    message:
        "Table: consensus labels against human ones"
    input:
        preferences=PREFERENCES,
        consensus=[artifact(f"consensus/{source}") for source in CONFIG.consensus],
        judgements=[
            artifact(f"teachers/{teacher}") for teacher in table_configs.consensus(CONFIG)["teachers"]
        ],
    output:
        manifest=artifact("tables/consensus"),
        table=table_file("consensus"),
    params:
        code=code("tabulate_consensus.py"),
        config=config_param(table_configs.consensus),
    log:
        log_file("tables/consensus"),
    benchmark:
        benchmark_file("tables/consensus")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_consensus.py --config {params.config:q}"
        " --preferences {input.preferences} --consensus {input.consensus} --judgements {input.judgements}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_alignment:
    message:
        "Table: judges against human labels"
    input:
        preferences=PREFERENCES,
        judgements=of_seeds("alignment", CONFIG.tables.alignment.rows, seeds_of),
    output:
        manifest=artifact("tables/alignment"),
        table=table_file("alignment"),
        by_domain=table_file("alignment_by_domain", folder="alignment"),
        position_bias=table_file("position_bias", folder="alignment"),
        calibration=table_file("calibration", folder="alignment"),
        figure=figure_file("alignment"),
        calibration_figure=figure_file("calibration", folder="alignment"),
        position_bias_figure=figure_file("position_bias", folder="alignment"),
    params:
        code=code("tabulate_alignment.py"),
        config=config_param(table_configs.alignment),
    log:
        log_file("tables/alignment"),
    benchmark:
        benchmark_file("tables/alignment")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_alignment.py --config {params.config:q}"
        " --preferences {input.preferences} --judgements {input.judgements} --output {output.manifest} > {log} 2>&1"


rule tabulate_gates:
    message:
        "Table: the gate of the judges that reward policies"
    input:
        preferences=PREFERENCES,
        judgements=lambda _: of_seeds("validation", table_configs.gates(CONFIG)["judges"], seeds_of),
    output:
        manifest=artifact("tables/gates"),
        table=table_file("gates"),
    params:
        code=code("tabulate_gates.py"),
        config=config_param(table_configs.gates),
    log:
        log_file("tables/gates"),
    benchmark:
        benchmark_file("tables/gates")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_gates.py --config {params.config:q}"
        " --preferences {input.preferences} --judgements {input.judgements} --output {output.manifest} > {log} 2>&1"


rule tabulate_injections:
    message:
        "Table: prompt injection"
    input:
        preferences=PREFERENCES,
        judgements=lambda _: of_seeds("injections", CONFIG.tables.injections.judges, seeds_of),
    output:
        manifest=artifact("tables/injections"),
        table=table_file("injections"),
    params:
        code=code("tabulate_injections.py"),
        config=config_param(table_configs.injections),
    log:
        log_file("tables/injections"),
    benchmark:
        benchmark_file("tables/injections")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_injections.py --config {params.config:q}"
        " --preferences {input.preferences} --judgements {input.judgements} --output {output.manifest} > {log} 2>&1"


rule tabulate_win_rates:
    message:
        "Table: policies against {CONFIG.tables.win_rates.reference}"
    input:
        preferences=PREFERENCES,
        stories=of_seeds("stories", CONFIG.tables.win_rates.rows),
        matches=of_seeds("matches", CONFIG.tables.win_rates.judges),
    output:
        manifest=artifact("tables/win_rates"),
        table=table_file("win_rates"),
        matrix=table_file("win_rate_matrix", folder="win_rates"),
        figure=figure_file("win_rates"),
        matrix_figures=matrix_figures(),
    params:
        code=code("tabulate_win_rates.py"),
        config=config_param(table_configs.win_rates),
    log:
        log_file("tables/win_rates"),
    benchmark:
        benchmark_file("tables/win_rates")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_win_rates.py --config {params.config:q}"
        " --preferences {input.preferences} --stories {input.stories} --matches {input.matches}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_gains:
    message:
        "Table: judges as rewards"
    input:
        preferences=PREFERENCES,
        judgements=lambda _: of_seeds(
            "alignment", [judge for _, judge in table_configs.gains(CONFIG)["judge_of"]], seeds_of
        ),
        stories=lambda _: of_seeds(
            "stories", [policy for policy, _ in table_configs.gains(CONFIG)["judge_of"]]
        ),
        matches=of_seeds("matches", CONFIG.tables.win_rates.judges[:1]),
    output:
        manifest=artifact("tables/gains"),
        table=table_file("gains"),
        figure=figure_file("gains"),
    params:
        code=code("tabulate_gains.py"),
        config=config_param(table_configs.gains),
    log:
        log_file("tables/gains"),
    benchmark:
        benchmark_file("tables/gains")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_gains.py --config {params.config:q} --preferences {input.preferences}"
        " --judgements {input.judgements} --stories {input.stories} --matches {input.matches}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_pivots:
    message:
        "Table: designs of pointwise rewards"
    input:
        preferences=PREFERENCES,
        groups=lambda _: of_seeds("groups", CONFIG.tables.pivots.judges),
    output:
        manifest=artifact("tables/pivots"),
        table=table_file("pivots"),
        noise=table_file("judge_noise", folder="pivots"),
    params:
        code=code("tabulate_pivots.py"),
        config=config_param(table_configs.pivots),
    log:
        log_file("tables/pivots"),
    benchmark:
        benchmark_file("tables/pivots")
    conda:
        "../envs/rlcs.yaml"
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
        matches=of_seeds("matches", CONFIG.tables.win_rates.judges[:1]),
        checks=lambda _: of_seeds(
            "checks",
            [*CONFIG.tables.constraints.rows, CONFIG.tables.win_rates.reference] if table_verifier() else [],
        ),
    output:
        manifest=artifact("tables/constraints"),
        table=table_file("constraints"),
    params:
        code=code("tabulate_constraints.py"),
        config=config_param(table_configs.constraints),
    log:
        log_file("tables/constraints"),
    benchmark:
        benchmark_file("tables/constraints")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_constraints.py --config {params.config:q}"
        " --preferences {input.preferences} --stories {input.stories} --matches {input.matches}"
        " --checks {input.checks} --output {output.manifest} > {log} 2>&1"


rule tabulate_ifeval:
    message:
        "Table: instructions that the policies follow"
    input:
        prompts=lambda _: instruction_prompts(),
        responses=lambda _: of_seeds("responses", CONFIG.tables.ifeval.rows),
    output:
        manifest=artifact("tables/ifeval"),
        table=table_file("ifeval"),
    params:
        code=code("tabulate_ifeval.py"),
        config=config_param(table_configs.ifeval),
    log:
        log_file("tables/ifeval"),
    benchmark:
        benchmark_file("tables/ifeval")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_ifeval.py --config {params.config:q} --prompts {input.prompts:q}"
        " --responses {input.responses} --output {output.manifest} > {log} 2>&1"


rule tabulate_effects:
    message:
        "Table: the effects that the papers claim"
    input:
        preferences=PREFERENCES,
        judgements=of_seeds("alignment", effect_systems(*table_configs.JUDGE_METRICS), seeds_of),
        train_judgements=[artifact(f"teachers/{judge}") for judge in effect_systems("chain_correctness")],
        chains=[
            artifact(f"chains/{effect.systems[0]}")
            for effect in CONFIG.effects
            if effect.metric == "chain_correctness"
        ],
        stories=of_seeds("stories", effect_systems("constraints_difference", "length_difference", "win_rate")),
        matches=of_seeds("matches", CONFIG.tables.win_rates.judges[:1] if effect_systems("win_rate") else []),
        policies=of_seeds("policies", effect_systems("rewarded_violators")),
    output:
        manifest=artifact("tables/effects"),
        table=table_file("effects"),
        text=f"{RESULTS}/tables/effects/effects.md",
    params:
        code=code("tabulate_effects.py"),
        config=config_param(table_configs.effects),
    log:
        log_file("tables/effects"),
    benchmark:
        benchmark_file("tables/effects")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_effects.py --config {params.config:q}"
        " --preferences {input.preferences} --judgements {input.judgements}"
        " --train_judgements {input.train_judgements}"
        " --chains {input.chains} --stories {input.stories} --matches {input.matches} --policies {input.policies}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_sweeps:
    message:
        "Figures over keys of the entries"
    input:
        tables=sorted({artifact(f"tables/{sweep.table}") for sweep in CONFIG.sweeps.values()}),
    output:
        manifest=artifact("tables/sweeps"),
        tables=sweep_files("csv", "Tables"),
        figures=sweep_files("svg", "Figures"),
    params:
        code=code("tabulate_sweeps.py"),
        config=config_param(table_configs.sweeps),
    log:
        log_file("tables/sweeps"),
    benchmark:
        benchmark_file("tables/sweeps")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_sweeps.py --config {params.config:q} --tables {input.tables}"
        " --output {output.manifest} > {log} 2>&1"


rule tabulate_human_win_rates:
    message:
        "Table: policies against {CONFIG.tables.win_rates.reference}, by people"
    input:
        sheet=artifact("human"),
        annotations=[str(path) for path in CONFIG.human.annotations] if CONFIG.human else [],
    output:
        manifest=artifact("tables/human_win_rates"),
        table=table_file("human_win_rates"),
    params:
        code=code("tabulate_human_win_rates.py"),
        config=config_param(table_configs.human_win_rates),
    log:
        log_file("tables/human_win_rates"),
    benchmark:
        benchmark_file("tables/human_win_rates")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/tabulate_human_win_rates.py --config {params.config:q} --sheet {input.sheet}"
        " --annotations {input.annotations} --output {output.manifest} > {log} 2>&1"
