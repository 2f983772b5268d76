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
        config=lambda _: part(table_sections.effects_table(CONFIG)),
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
