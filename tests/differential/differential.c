/*
 * The differential test: programs of consecutive seeds on the host's processor and on the soft
 * engine. It runs in a child, whose signals, segment bases and low addresses are its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "compare.h"
#include "forms.h"

#define EXPORT __attribute__((visibility("default")))

/* What the caller learns; shared with the child. Mirrored in library.ts. */
struct result {
  uint64_t seed;         /* the program that runs, or that differed */
  uint64_t programs;     /* that agreed */
  uint64_t instructions; /* of them, at least: steps that a branch may lead around are not counted */
  uint64_t faults;
  uint32_t forms;        /* there are */
  uint32_t unused_forms; /* that no program had */
  char text[24576];
};

/* Seconds that so many programs may take: one that never ends takes longer. */
#define WATCHED_PROGRAMS 4096
#define WATCHED_SECONDS 120

static struct text text_of(struct result *result) {
  uint32_t used = (uint32_t)strlen(result->text);
  return (struct text){result->text + used, (uint32_t)sizeof result->text - used};
}

static void run_program(struct result *result, const struct program *program) {
  native_load(program);
  soft_load(program);
  for (uint32_t i = 0; i < INPUTS; i++) {
    struct input input;
    input_generate(&input, program, i);
    if (!agrees(program, &input)) {
      struct text text = text_of(result);
      describe(program, &input, i, &text);
      _exit(1);
    }
    result->instructions += compared_steps(program);
    result->faults += compared_faults();
  }
}

static void run_cases(struct result *result) {
  for (uint32_t i = 0; i < case_count; i++) {
    struct text text = text_of(result);
    struct program program;
    text_add(&text, "case: %s\n", case_name(i));
    case_make(&program, i);
    run_program(result, &program);
    result->text[0] = 0;
  }
}

static void run_child(struct result *result, uint64_t first, uint64_t instructions) {
  static uint32_t uses[MOST_FORMS];
  static struct program program;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  soft_open();
  native_open();
  forms_make(soft_has_mmx());
  result->forms = form_count;
  alarm(WATCHED_SECONDS);
  struct text text = text_of(result);
  if (uncovered(&text)) _exit(1);
  run_cases(result);
  for (result->seed = first; result->instructions < instructions; result->seed++) {
    program_generate(&program, result->seed);
    run_program(result, &program);
    for (uint32_t i = 0; i < program.count; i++) {
      if (program.steps[i].form != NO_FORM) uses[program.steps[i].form]++;
    }
    if (++result->programs % WATCHED_PROGRAMS == 0) alarm(WATCHED_SECONDS);
  }
  for (uint32_t i = 0; i < form_count; i++) result->unused_forms += !uses[i];
}

/*
 * Runs the cases, then programs from seed `first` on until so many instructions agreed, or one program does not.
 *
 * @return 0 when all agreed, 1 when one differs (the text says how), or a negative errno
 */
EXPORT int32_t differential_run(uint64_t first, uint64_t instructions, struct result *out) {
  struct result *result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (result == MAP_FAILED) return -errno;
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    run_child(result, first, instructions);
    _exit(0);
  }
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  *out = *result;
  munmap(result, sizeof *result);
  if (child < 0) return -EAGAIN;
  if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) return WEXITSTATUS(status);
  struct text text = text_of(out);
  text_add(&text, "seed %llu: the child ended with status %#x\n", (unsigned long long)out->seed, status);
  return 1;
}
