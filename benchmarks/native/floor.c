/* The least that any supervisor can do: start N, replace each that ends, stop all, write their output to rotated files.
 *
 *   floor N [-l FILE -s BYTES] -- COMMAND...
 *
 * No configuration, no control, no back-off, no look at what workers leave behind. SIGTERM ends it and all workers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int wanted, running;
static pid_t *pids;
static char **command;
static const char *log_path;
static int64_t log_limit, log_at;
static int log_pipe[2] = {-1, -1}, log_file = -1, log_number;

static void die(const char *what)
{
    perror(what);
    exit(111);
}

static void start(int slot)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawn_file_actions_init(&actions);
    if (log_path)
        posix_spawn_file_actions_adddup2(&actions, log_pipe[1], STDOUT_FILENO);
    int error = posix_spawn(&pids[slot], command[0], &actions, &attr, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    if (error) {
        errno = error;
        die(command[0]);
    }
    running++;
}

static int slot_of(pid_t pid)
{
    for (int slot = 0; slot < wanted; slot++)
        if (pids[slot] == pid)
            return slot;
    return -1;
}

static void reap(int stopping)
{
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        int slot = slot_of(pid);
        if (slot < 0)
            continue;
        running--;
        if (!stopping)
            start(slot);
        else
            pids[slot] = 0;
    }
}

static void open_log(void)
{
    char name[4096];
    if (log_file >= 0)
        close(log_file);
    snprintf(name, sizeof name, "%s.%d", log_path, log_number++);
    log_file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (log_file < 0)
        die(name);
    log_at = 0;
}

/* The kernel moves what the pipe holds; a file that is full is followed by the next one. */
static void move_output(void)
{
    for (int turn = 0; turn < 64; turn++) {
        if (log_at >= log_limit)
            open_log();
        int64_t room = log_limit - log_at;
        ssize_t moved = splice(log_pipe[0], NULL, log_file, NULL, room < 1 << 20 ? room : 1 << 20, SPLICE_F_NONBLOCK);
        if (moved <= 0)
            return;
        log_at += moved;
    }
}

static void open_pipe(void)
{
    if (pipe2(log_pipe, O_CLOEXEC) < 0)
        die("pipe");
    fcntl(log_pipe[1], F_SETPIPE_SZ, 1 << 20);
    open_log();
}

static int options(int argc, char **argv)
{
    int at = 2;
    wanted = argc > 2 ? atoi(argv[1]) : 0;
    for (; at < argc && strcmp(argv[at], "--"); at += 2) {
        if (at + 1 >= argc)
            return 0;
        if (!strcmp(argv[at], "-l"))
            log_path = argv[at + 1];
        else if (!strcmp(argv[at], "-s"))
            log_limit = atoll(argv[at + 1]);
    }
    command = argv + at + 1;
    return wanted > 0 && at + 1 < argc;
}

int main(int argc, char **argv)
{
    if (!options(argc, argv))
        return 100;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), events = epoll_create1(EPOLL_CLOEXEC), stopping = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = signals};
    epoll_ctl(events, EPOLL_CTL_ADD, signals, &event);
    if (log_path) {
        open_pipe();
        event.data.fd = log_pipe[0];
        epoll_ctl(events, EPOLL_CTL_ADD, log_pipe[0], &event);
    }
    pids = calloc(wanted, sizeof *pids);
    for (int slot = 0; slot < wanted; slot++)
        start(slot);
    while (!stopping || running) {
        if (epoll_wait(events, &event, 1, -1) < 1)
            continue;
        if (event.data.fd != signals) {
            move_output();
            continue;
        }
        struct signalfd_siginfo info;
        while (read(signals, &info, sizeof info) == sizeof info)
            if (info.ssi_signo == SIGTERM && !stopping++)
                for (int slot = 0; slot < wanted; slot++)
                    kill(pids[slot], SIGTERM);
        reap(stopping);
    }
    return 0;
}
