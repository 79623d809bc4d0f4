"""A desktop with years of tweaks, made by real tools: one folder for each section.

`<section>/make.sh` runs as root in the machine and makes the section's mess; `<section>/expected.yaml` says
what a collection must find of that section:

    items:     id -> the facts that must be equal after a restore; `sha256: content` stands for the SHA-256
               of what the machine has at that path
    left_out:  path -> reason
    losses:    [kind, subject]
    findings:  subjects
"""
