"""A plugin that tells somebody of what went wrong: here by a line in a file, in real life by a mail."""

from circus.plugins import CircusPlugin


class Alert(CircusPlugin):
    name = "alert"

    def handle_init(self):
        self.file = open(self.config.get("filename", "alerts.txt"), "a", buffering=1)

    def handle_recv(self, data):
        watcher, event, message = self.split_data(data)
        facts = self.load_message(message)
        if event == "failed":
            lines = " / ".join(facts.get("last_lines", []))
            print(f"{watcher} is left alone: {facts['reason']}; last words: {lines}", file=self.file)

    def handle_stop(self):
        self.file.close()
