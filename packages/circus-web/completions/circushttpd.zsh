#compdef circushttpd
# Made by docs/generate.py from circushttpd --help: change that, not this.
_arguments \
    '(-h --help)-h[show this help message and exit]' \
    '(-h --help)--help[show this help message and exit]' \
    '*--endpoint[a circusd to show; may be repeated]:endpoint: ' \
    '(--allow-endpoint)--allow-endpoint[further endpoints that the page may connect to, such as '"'"'tcp\://10.0.0.*\:5555'"'"']:allow-endpoint: ' \
    '(--host)--host[address to listen on]:host: ' \
    '(--port)--port[port to listen on]:port: ' \
    '(--fd)--fd[serve on this listening socket, which circusd hands down]:fd: ' \
    '(--ssh)--ssh[reach the daemons through this server]:ssh: ' \
    '(--log-level)--log-level[]:value:(debug info warning error critical)' \
    '(--log-output)--log-output[where the log goes; - is standard error]:log-output:_files' \
    '*--allowed-host[a name under which this console is called; may be repeated]:allowed-host: ' \
    '(--tls-cert)--tls-cert[serve https with this certificate]:tls-cert:_files' \
    '(--tls-key)--tls-key[the key of the certificate]:tls-key:_files' \
    '(--users)--users[people who may sign in by password\: lines of NAME\:viewer\:HASH or NAME\:operator\:HASH]:users:_files' \
    '(--hash-password)--hash-password[ask for a password, print its hash for --users, and exit]' \
    '(--insecure-no-auth)--insecure-no-auth[let everybody who can connect do everything]' \
    '(--insecure-no-tls)--insecure-no-tls[listen on a public address without TLS, such as behind a proxy]' \
    '(--version)--version[show program'"'"'s version number and exit]'
