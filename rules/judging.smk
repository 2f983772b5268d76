rule judge_train_pairs:
    message:
        "Teacher {wildcards.teacher} judges the training pairs"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.teacher, FIRST_SEED),
    output:
        artifact("teachers/{teacher}"),
    params:
        code=code("judge_pairs.py"),
        config=config_param(stage_configs.teach, "teacher"),
        seed=FIRST_SEED,
        endpoint=endpoint_param("teacher"),
        answers=f"{ANSWERS}/{{teacher}}",
        serving=serving_param(),
    log:
        log_file("teachers/{teacher}"),
    benchmark:
        benchmark_file("teachers/{teacher}")
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/judge_pairs.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --split train --seed {params.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule filter_chains:
    message:
        "Keep the chains of {wildcards.teacher} that agree across orders and with the label"
    input:
        preferences=PREFERENCES,
        judgements=artifact("teachers/{teacher}"),
    output:
        artifact("chains/{teacher}"),
    params:
        code=code("filter_chains.py"),
        config=lambda _: as_param({}),
    log:
        log_file("chains/{teacher}"),
    benchmark:
        benchmark_file("chains/{teacher}")
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/filter_chains.py --config {params.config:q} --preferences {input.preferences}"
        " --judgements {input.judgements} --output {output} > {log} 2>&1"


rule find_consensus:
    message:
        "Consensus {wildcards.source}: labels of its teachers for unlabelled pairs"
    input:
        preferences=PREFERENCES,
        judgements=lambda wildcards: [
            artifact(f"teachers/{teacher}") for teacher in CONFIG.consensus[wildcards.source].teachers
        ],
    output:
        artifact("consensus/{source}"),
    params:
        code=code("find_consensus.py"),
        config=config_param(stage_configs.consensus_pairs, "source"),
    log:
        log_file("consensus/{source}"),
    benchmark:
        benchmark_file("consensus/{source}")
    wildcard_constraints:
        source=names_of(CONFIG.consensus, ConsensusConfig),
    conda:
        "../envs/rlcs.yaml"
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
        artifact("alignment/{judge}/seed{seed}"),
    params:
        code=code("judge_pairs.py"),
        config=config_param(stage_configs.judge, "judge"),
        endpoint=endpoint_param("judge"),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving_param(),
    log:
        log_file("alignment/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("alignment/{judge}/seed{seed}")
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/judge_pairs.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --split test --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule judge_validation_pairs:
    message:
        "Gate: {wildcards.judge}, seed {wildcards.seed}, judges validation pairs in both orders"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        artifact("validation/{judge}/seed{seed}"),
    params:
        code=code("judge_pairs.py"),
        config=config_param(stage_configs.judge_validation, "judge"),
        endpoint=endpoint_param("judge"),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving_param(),
    log:
        log_file("validation/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("validation/{judge}/seed{seed}")
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/judge_pairs.py --config {params.config:q} --preferences {input.preferences}"
        " --model {input.model} --split validation --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule gate_judge:
    message:
        "Gate: may {wildcards.judge}, seed {wildcards.seed}, reward a policy?"
    input:
        preferences=PREFERENCES,
        judgements=artifact("validation/{judge}/seed{seed}"),
    output:
        artifact("gates/{judge}/seed{seed}"),
    params:
        code=code("gate_judge.py"),
        config=config_param(stage_configs.gate, "judge"),
    log:
        log_file("gates/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("gates/{judge}/seed{seed}")
    retries: 0
    conda:
        "../envs/rlcs.yaml"
    shell:
        "python workflow_scripts/gate_judge.py --config {params.config:q} --preferences {input.preferences}"
        " --judgements {input.judgements} --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule judge_injections:
    message:
        "Prompt injection: {wildcards.judge}, seed {wildcards.seed}"
    input:
        preferences=PREFERENCES,
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        artifact("injections/{judge}/seed{seed}"),
    params:
        code=code("judge_injections.py"),
        config=config_param(stage_configs.judge_injections, "judge"),
        endpoint=endpoint_param("judge"),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving_param(),
    log:
        log_file("injections/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("injections/{judge}/seed{seed}")
    conda:
        "../envs/rlcs-gpu.yaml"
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
        stories=[artifact(f"stories/{policy}/seed{{seed}}") for policy in CONFIG.tables.win_rates.rows],
        model=lambda wildcards: judge_model(wildcards.judge, wildcards.seed),
    output:
        artifact("matches/{judge}/seed{seed}"),
    params:
        code=code("judge_matches.py"),
        config=config_param(stage_configs.matches, "judge"),
        endpoint=endpoint_param("judge"),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving_param(),
    log:
        log_file("matches/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("matches/{judge}/seed{seed}")
    conda:
        "../envs/rlcs-gpu.yaml"
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
        artifact("groups/{judge}/seed{seed}"),
    params:
        code=code("judge_groups.py"),
        config=config_param(stage_configs.groups, "judge"),
        endpoint=endpoint_param("judge"),
        answers=f"{ANSWERS}/{{judge}}",
        serving=serving_param(),
    log:
        log_file("groups/{judge}/seed{seed}"),
    benchmark:
        benchmark_file("groups/{judge}/seed{seed}")
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/judge_groups.py --config {params.config:q} --preferences {input.preferences}"
        " --policy {input.policy} --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"


rule verify_stories:
    message:
        "Constraints of the stories of {wildcards.policy}, seed {wildcards.seed}, by the verifier model"
    input:
        preferences=PREFERENCES,
        stories=artifact("stories/{policy}/seed{seed}"),
        model=verifier_model(table_verifier()),
    output:
        artifact("checks/{policy}/seed{seed}"),
    params:
        code=code("verify_stories.py"),
        config=config_param(stage_configs.verified, "policy"),
        endpoint=lambda wildcards, output: as_param(stage_configs.verifier_endpoint(CONFIG, table_verifier())),
        answers=f"{ANSWERS}/{table_verifier()}",
        serving=serving_param(),
    log:
        log_file("checks/{policy}/seed{seed}"),
    benchmark:
        benchmark_file("checks/{policy}/seed{seed}")
    conda:
        "../envs/rlcs-gpu.yaml"
    shell:
        "python workflow_scripts/verify_stories.py --config {params.config:q} --preferences {input.preferences}"
        " --stories {input.stories} --model {input.model} --seed {wildcards.seed} --endpoint {params.endpoint:q}"
        " --answers {params.answers} --serving {params.serving:q} --output {output} > {log} 2>&1"
