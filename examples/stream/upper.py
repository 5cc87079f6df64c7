"""A stream class: where the output of workers goes."""


class Shouting:
    """Writes what workers say into a file, in capitals."""

    def __init__(self, filename, mark="!", **options):
        self.mark = mark
        self.file = open(filename, "a", buffering=1)

    def __call__(self, chunk):
        for line in chunk["data"].decode("utf-8", "replace").splitlines():
            print(f"{line.upper()}{self.mark}", file=self.file)

    def close(self):
        self.file.close()
