"""Language models: asked where they help, never needed, never believed.

    stage --inputs--> Consultation --scrubbed--> prompt --Outgoing--> Gateway --> provider
                                                                      cache, budget, ledger, breaker
    stage <--Reply---------------- validated against the prompt's schema <-------

A stage asks through a `Consultation` (`consulting.py`) by the name of a prompt and gets a `Reply` whose output fits the
prompt's schema, or `NoReply`, upon which the embedded path answers. What a model says is untrusted text. This package
holds the only import of `openai`.
"""
