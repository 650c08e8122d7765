"""Facts: reads and checks what people wrote, finds names and answers in text.

In: YAML files, from a folder or a commit. Out: `Subject`s, and every `Problem` with its place.
Never: writes training examples, or imports a training library.

Below `fact` stand `files` (YAML), `languages`, `names` and `answers` (texts); above it `matching`, `checks`,
`check`, `authoring` and `importing`.
"""
