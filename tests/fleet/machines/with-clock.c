// with-clock <file> <command>…: runs a command, and all that it starts, whose clock goes wrong by as many seconds as the file says at
// that moment. Programs that do without libc, as Go's, are told so, too: their system calls are answered here, and the kernel's
// own short cut for them (vDSO) is kept from them. What counts is CLOCK_REALTIME alone, as when a clock is set; the kernel's time of
// files stays right, but for those that are touched.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <elf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __aarch64__
#define STACK_POINTER sp
#else
#define STACK_POINTER rsp
#endif

#define ARGUMENT(index) offsetof(struct seccomp_data, args[index])
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define UNLESS(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skipped))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ASK(call) UNLESS(call, 1), ANSWER(SECCOMP_RET_USER_NOTIF)

static struct sock_filter filter[] = {
    LOAD(offsetof(struct seccomp_data, nr)),
    ASK(SYS_execve),
    ASK(SYS_execveat),
    ASK(SYS_utimensat),
    ASK(SYS_gettimeofday),
#ifdef SYS_time
    ASK(SYS_time),
#endif
    UNLESS(SYS_clock_gettime, 4),
    LOAD(ARGUMENT(0)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLOCK_REALTIME, 1, 0),
    UNLESS(CLOCK_REALTIME_COARSE, 1),
    ANSWER(SECCOMP_RET_USER_NOTIF),
    ANSWER(SECCOMP_RET_ALLOW),
};

static void must(int holds, const char *what) {
  if (holds) return;
  perror(what);
  exit(1);
}

static struct timespec wrong_time(int file) {
  static long ahead;
  char text[32] = "";
  struct timespec now;
  // It is empty while it is written.
  if (pread(file, text, sizeof text - 1, 0) > 0) ahead = atol(text);
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec += ahead;
  return now;
}

static int give(pid_t process, uint64_t address, const void *value, size_t size) {
  struct iovec from = {(void *)value, size}, to = {(void *)address, size};
  return process_vm_writev(process, &from, 1, &to, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

// The system call's own answer, or an error below 0.
static int64_t answer(const struct seccomp_notif *call, int file) {
  const __u64 *arguments = call->data.args;
  struct timespec now = wrong_time(file);
  if (call->data.nr == SYS_clock_gettime) return give(call->pid, arguments[1], &now, sizeof now);
  if (call->data.nr == SYS_gettimeofday) {
    struct timeval value = {now.tv_sec, now.tv_nsec / 1000};
    return arguments[0] ? give(call->pid, arguments[0], &value, sizeof value) : 0;
  }
  if (call->data.nr == SYS_utimensat) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", call->pid, (int)arguments[0]);
    struct timespec both[] = {now, now};
    return utimensat(AT_FDCWD, path, both, 0) == 0 ? 0 : -errno;
  }
  return !arguments[0] || give(call->pid, arguments[0], &now.tv_sec, sizeof now.tv_sec) == 0 ? now.tv_sec : -EFAULT;
}

static int is_left_to_kernel(const struct seccomp_data *call) {
  if (call->nr == SYS_execve || call->nr == SYS_execveat) return 1;
  // All but a file that was opened and is now touched.
  return call->nr == SYS_utimensat && (call->args[1] != 0 || call->args[2] != 0);
}

// A new program finds the short cut's address above its arguments and environment.
static void hide_short_cut(pid_t process) {
  struct user_regs_struct registers;
  struct iovec whole = {&registers, sizeof registers};
  must(ptrace(PTRACE_GETREGSET, process, NT_PRSTATUS, &whole) == 0, "cannot read the registers");
  long *word = (long *)registers.STACK_POINTER;
  word += 1 + ptrace(PTRACE_PEEKDATA, process, word, 0) + 1;
  while (ptrace(PTRACE_PEEKDATA, process, word++, 0) != 0);
  for (long type; (type = ptrace(PTRACE_PEEKDATA, process, word, 0)) != AT_NULL; word += 2) {
    if (type == AT_SYSINFO_EHDR) ptrace(PTRACE_POKEDATA, process, word, AT_IGNORE);
  }
}

// Processes are traced from before they become another program until they have.
static void follow_traced(void) {
  int status;
  for (pid_t process; (process = waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
    if (!WIFSTOPPED(status)) continue;
    int event = status >> 16;
    if (event == PTRACE_EVENT_EXEC) {
      hide_short_cut(process);
      ptrace(PTRACE_DETACH, process, 0, 0);
    } else {
      ptrace(PTRACE_CONT, process, 0, event == 0 ? WSTOPSIG(status) : 0);
    }
  }
}

static void supervise(int calls, int file, int signals) {
  struct pollfd wanted[] = {{calls, POLLIN, 0}, {signals, POLLIN, 0}};
  while (poll(wanted, 2, -1) > 0 || errno == EINTR) {
    if (wanted[1].revents) {
      struct signalfd_siginfo read_away;
      must(read(signals, &read_away, sizeof read_away) > 0, "cannot read signals");
      follow_traced();
    }
    if (wanted[0].revents & POLLIN) {
      struct seccomp_notif call = {0};
      struct seccomp_notif_resp response = {0};
      if (ioctl(calls, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
      response.id = call.id;
      if (is_left_to_kernel(&call.data)) {
        if (call.data.nr != SYS_utimensat) ptrace(PTRACE_SEIZE, call.pid, 0, PTRACE_O_TRACEEXEC);
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      } else {
        int64_t result = answer(&call, file);
        if (result < 0) response.error = result;
        else response.val = result;
      }
      // Who asked may have ended meanwhile.
      ioctl(calls, SECCOMP_IOCTL_NOTIF_SEND, &response);
    } else if (wanted[0].revents & POLLHUP) {
      return;
    }
  }
}

int main(int count, char **arguments) {
  must(count >= 3, "usage: with-clock <file> <command>...");
  pid_t main_process = getpid();
  int ready[2];
  must(pipe2(ready, O_CLOEXEC) == 0, "cannot make a pipe");
  pid_t first = fork();
  must(first >= 0, "cannot fork");
  if (first == 0) {
    // Not a child of the command's, which would wonder, nor of its session, which may be ended as a whole.
    if (fork() != 0) _exit(0);
    setsid();
    int file = open(arguments[1], O_RDONLY | O_CLOEXEC);
    must(file >= 0, arguments[1]);
    int number;
    must(read(ready[0], &number, sizeof number) == sizeof number, "there is no filter");
    int process = syscall(SYS_pidfd_open, main_process, 0);
    int calls = syscall(SYS_pidfd_getfd, process, number, 0);
    must(calls >= 0, "cannot answer system calls");
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, NULL);
    int signals = signalfd(-1, &ended, SFD_CLOEXEC);
    // Who waits for the command's output shall not wait for this.
    for (int i = 0; i < 3; i++) dup2(open("/dev/null", O_RDWR), i);
    close(ready[0]);
    close(ready[1]);
    supervise(calls, file, signals);
    _exit(0);
  }
  waitpid(first, NULL, 0);
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  int number = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  must(number >= 0, "cannot filter system calls");
  must(write(ready[1], &number, sizeof number) == sizeof number, "cannot say so");
  execvp(arguments[2], arguments + 2);
  must(0, arguments[2]);
}
