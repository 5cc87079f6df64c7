"""A stream class as users of circus wrote them: free keywords, called with a mapping."""



class TaggedStream(object):
    def __init__(self, filename=None, tag="", loud="no", **kwargs):
        self.file = open(filename, "w")
        self.tag = tag
        self.loud = loud == "yes"
        self.extra = kwargs

    def __call__(self, data):
        text = data["data"]
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        if self.loud:
            text = text.upper()
        for line in text.splitlines():
            kind = "pid" if isinstance(data["pid"], int) else "no pid"
            extra = ",".join("%s=%s" % item for item in sorted(self.extra.items()))
            self.file.write("%s %s %s [%s] %s\n" % (self.tag, data["name"], kind, extra, line))
        self.file.flush()

    def close(self):
        self.file.close()


