rule judge_train_pairs:
    message:
        "Teacher {wildcards.teacher} judges the training pairs in both orders"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.teacher, FIRST_SEED),
    output:
        f"{RESULTS}/teachers/{{teacher}}/manifest.json",
    params:
        code=code("judge_pairs.py"),
        config=lambda wildcards: part(stage_configs.teach(CONFIG, wildcards.teacher)),
        seed=FIRST_SEED,
        endpoint=endpoint(lambda wildcards: wildcards.teacher),
        answers=f"{ANSWERS}/{{teacher}}",
        serving=serving(),
    log:
        f"{LOGS}/teachers/{{teacher}}.log",
    benchmark:
        f"{BENCHMARKS}/teachers/{{teacher}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_pairs.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --split train --seed {params.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule filter_chains:
    message:
        "Keep the chains of {wildcards.teacher} that agree across orders and with the label"
    input:
        preferences=PREFERENCES,
        judgements=f"{RESULTS}/teachers/{{teacher}}/manifest.json",
    output:
        f"{RESULTS}/chains/{{teacher}}/manifest.json",
    params:
        code=code("filter_chains.py"),
        config=lambda _: part({}),
    log:
        f"{LOGS}/chains/{{teacher}}.log",
    benchmark:
        f"{BENCHMARKS}/chains/{{teacher}}.tsv"
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/filter_chains.py --config {params.config:q} --preferences {input.preferences}"
        " --judgements {input.judgements} --output {output} > {log} 2>&1"


rule find_consensus:
    message:
        "Consensus {wildcards.source}: unlabelled pairs on which the teachers agree"
    input:
        preferences=PREFERENCES,
        judgements=lambda wildcards: [
            f"{RESULTS}/teachers/{teacher}/manifest.json"
            for teacher in CONFIG.consensus[wildcards.source].teachers
        ],
    output:
        f"{RESULTS}/consensus/{{source}}/manifest.json",
    params:
        code=code("find_consensus.py"),
        config=lambda wildcards: part(stage_configs.consensus(CONFIG, wildcards.source)),
    log:
        f"{LOGS}/consensus/{{source}}.log",
    benchmark:
        f"{BENCHMARKS}/consensus/{{source}}.tsv"
    wildcard_constraints:
        source=names_of(CONFIG.consensus, ConsensusConfig),
    conda:
        "../envs/rlcs.yaml"
    threads: 1
    shell:
        "python workflow_scripts/find_consensus.py --config {params.config:q} --preferences {input.preferences}"
        " --judgements {input.judgements} --output {output} > {log} 2>&1"


rule judge_test_pairs:
    message:
        "Human alignment: {wildcards.judge}, seed {wildcards.seed}, judges the held-out pairs in both orders"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        f"{RESULTS}/alignment/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("judge_pairs.py"),
        config=lambda wildcards: part(stage_configs.judge(CONFIG, wildcards.judge)),
        endpoint=endpoint(lambda wildcards: wildcards.judge),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving(),
    log:
        f"{LOGS}/alignment/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/alignment/{{judge}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_pairs.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --split test --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule judge_injections:
    message:
        "Prompt injection: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        f"{RESULTS}/injections/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("judge_injections.py"),
        config=lambda wildcards: part(stage_configs.injections(CONFIG, wildcards.judge)),
        endpoint=endpoint(lambda wildcards: wildcards.judge),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving(),
    log:
        f"{LOGS}/injections/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/injections/{{judge}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_injections.py --config {params.config:q}"
        " --preferences {input.preferences} --model {input.model} --seed {wildcards.seed}"
        " --endpoint {params.endpoint:q} --answers {params.answers} --serving {params.serving:q}"
        " --output {output} > {log} 2>&1"


rule judge_matches:
    message:
        "Matches between policies of seed {wildcards.seed}, judged by {wildcards.judge}"
    input:
        preferences=PREFERENCES,
        stories=expand(
            f"{RESULTS}/stories/{{policy}}/seed{{{{seed}}}}/manifest.json",
            policy=CONFIG.tables.win_rates.rows,
        ),
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        f"{RESULTS}/matches/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("judge_matches.py"),
        config=lambda wildcards: part(stage_configs.matches(CONFIG, wildcards.judge)),
        endpoint=endpoint(lambda wildcards: wildcards.judge),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving(),
    log:
        f"{LOGS}/matches/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/matches/{{judge}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_matches.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule judge_groups:
    message:
        "Groups of stories of seed {wildcards.seed}, every pair judged by {wildcards.judge}"
    input:
        preferences=PREFERENCES,
        policy=lambda wildcards: policy_model(CONFIG.tables.pivots.policy, wildcards.seed),
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        f"{RESULTS}/groups/{{judge}}/seed{{seed}}/manifest.json",
    params:
        code=code("judge_groups.py"),
        config=lambda wildcards: part(stage_configs.groups(CONFIG, wildcards.judge)),
        endpoint=endpoint(lambda wildcards: wildcards.judge),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving(),
    log:
        f"{LOGS}/groups/{{judge}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/groups/{{judge}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/judge_groups.py --config {params.config:q} --preferences {input.preferences}"
        " --policy {input.policy} --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule verify_stories:
    message:
        "Constraints of the stories of {wildcards.policy}, seed {wildcards.seed}, by the verifier model"
    input:
        preferences=PREFERENCES,
        stories=f"{RESULTS}/stories/{{policy}}/seed{{seed}}/manifest.json",
        model=verifier_model(table_verifier()),
    output:
        f"{RESULTS}/checks/{{policy}}/seed{{seed}}/manifest.json",
    params:
        code=code("verify_stories.py"),
        config=lambda wildcards: part(stage_configs.verified(CONFIG, wildcards.policy)),
        endpoint=lambda wildcards, output: part(stage_configs.verifier_endpoint(CONFIG, table_verifier())),
        answers=f"{ANSWERS}/{table_verifier()}",
    log:
        f"{LOGS}/checks/{{policy}}/seed{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/checks/{{policy}}/seed{{seed}}.tsv"
    conda:
        "../envs/rlcs-gpu.yaml"
    threads: 1
    shell:
        "python workflow_scripts/verify_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --output {output} > {log} 2>&1"
