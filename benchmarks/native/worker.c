/* The worker that every supervisor is measured with: it says when its main() began, then does as it is told.
 *
 *   worker MAP FIFO idle               wait for a signal
 *   worker MAP FIFO flood BYTES        write BYTES of numbered lines of 100 bytes to stdout, then wait
 *   worker MAP FIFO serve FD           answer one request a connection on an inherited listening socket, until SIGTERM
 *
 * MAP   a file of one header and many records, mapped by everybody: record number i belongs to whoever drew i.
 * FIFO  held open for writing as long as the worker lives: its reader sees the end of file when the last worker is gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct record {
    _Atomic int64_t began;    /* CLOCK_MONOTONIC, ns; written last: not 0 means that the record is whole */
    _Atomic int64_t finished; /* of a flood: when the last byte was written */
    int64_t pid;
    _Atomic int64_t amount; /* of a flood: bytes written */
};

struct board {
    _Atomic int64_t drawn;
    int64_t unused[3];
    struct record records[];
};

static volatile sig_atomic_t leaving;

static void on_term(int signal)
{
    (void)signal;
    leaving = 1;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(111);
}

static struct record *report(const char *path, int64_t began)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    struct board *board = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board == MAP_FAILED)
        die("mmap");
    close(fd);
    int64_t index = atomic_fetch_add(&board->drawn, 1);
    if (sizeof *board + (index + 1) * sizeof(struct record) > (size_t)st.st_size)
        exit(112); /* more starts than anybody asked for */
    struct record *record = &board->records[index];
    record->pid = getpid();
    atomic_store(&record->began, began);
    return record;
}

/* Lines of exactly 100 bytes: a number of 12 digits, a blank, 43 times a letter of two bytes, a newline. A lost line shows by its
 * number, a torn one by its letters. The block is made once; only the digits are written again. */
static void flood(struct record *record, int64_t bytes)
{
    enum { LINE = 100, DIGITS = 12, LINES = 640 };
    static char block[LINE * LINES];
    for (int i = 0; i < LINES; i++) {
        char *line = block + i * LINE;
        line[DIGITS] = ' ';
        for (int at = DIGITS + 1; at < LINE - 1; at += 2)
            memcpy(line + at, "\xc3\xa4", 2);
        line[LINE - 1] = '\n';
    }
    int64_t lines = bytes / LINE;
    for (int64_t line = 0; line < lines;) {
        int64_t count = lines - line < LINES ? lines - line : LINES;
        for (int64_t i = 0; i < count; i++) {
            int64_t number = line + i;
            for (int digit = DIGITS - 1; digit >= 0; digit--, number /= 10)
                block[i * LINE + digit] = '0' + number % 10;
        }
        for (char *at = block, *end = block + count * LINE; at < end;) {
            ssize_t wrote = write(STDOUT_FILENO, at, end - at);
            if (wrote < 0 && errno != EINTR)
                die("write");
            if (wrote > 0)
                at += wrote;
        }
        line += count;
    }
    atomic_store(&record->amount, lines * LINE);
    atomic_store(&record->finished, now());
}

static void serve(int listener)
{
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
    while (!leaving) {
        struct pollfd p = {.fd = listener, .events = POLLIN};
        if (ppoll(&p, 1, NULL, &before) < 0)
            continue;
        int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0)
            continue;
        char request[256], answer[32];
        if (read(peer, request, sizeof request) > 0) {
            int length = snprintf(answer, sizeof answer, "%d\n", getpid());
            if (write(peer, answer, length) < 0)
                perror("write");
        }
        close(peer);
    }
}

int main(int argc, char **argv)
{
    int64_t began = now();
    if (argc < 4)
        return 100;
    if (open(argv[2], O_WRONLY | O_NONBLOCK | O_CLOEXEC) < 0)
        die(argv[2]);
    struct record *record = report(argv[1], began);
    if (argc > 4 && !strcmp(argv[3], "serve")) {
        serve(atoi(argv[4]));
        return 0;
    }
    if (argc > 4 && !strcmp(argv[3], "flood"))
        flood(record, atoll(argv[4]));
    for (;;)
        pause();
}
