/* SPDX-License-Identifier: MIT
 * perigee new: a project that works, to start from.
 *
 * What it writes are the files of templates/, which are inside the program. */
#include "base/embedded.h"
#include "base/err.h"
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char TEMPLATES[] = "templates/";

enum {
  SHOWN_MAX = 5,    /* names that a refusal lists */
  PATH_BYTES = 4096 /* kept from one path to the next */
};

/* A repository that has nothing in it yet is no obstacle. */
static bool is_in_the_way(const char *name) {
  return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
         strcmp(name, ".git") != 0;
}

/* The folder must be empty, or not be there. */
MUST_CHECK static int check_empty(const char *folder) {
  struct buf names = {0};
  struct dirent *entry;
  int count = 0;
  DIR *dir = opendir(folder);
  if (!dir)
    return errno == ENOENT ? 0 : cli_fail_file(folder);
  while ((entry = readdir(dir)))
    if (is_in_the_way(entry->d_name) && ++count <= SHOWN_MAX)
      buf_printf(&names, "%s%s", count > 1 ? ", " : "", entry->d_name);
  closedir(dir);
  if (count > SHOWN_MAX)
    buf_printf(&names, " and %d more", count - SHOWN_MAX);
  if (count > 0)
    fprintf(stderr,
            "perigee: %s is not empty, there is %.*s: name a new folder\n",
            folder, (int)names.len, names.data);
  buf_free(&names);
  return count > 0 ? ERR_SYSTEM : 0;
}

/* Makes the folders that `path` leads through. */
MUST_CHECK static int make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash;
       slash = strchr(slash + 1, '/')) {
    *slash = 0;
    int made = mkdir(path, 0777);
    if (made < 0 && errno != EEXIST)
      return cli_fail_file(path);
    *slash = '/';
  }
  return 0;
}

MUST_CHECK static int write_template(char *path, const struct embedded *file) {
  if (make_folders(path) < 0)
    return ERR_SYSTEM;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return cli_fail_file(path);
  FILE *out = fdopen(fd, "wb");
  size_t written = fwrite(file->data, 1, file->len, out);
  if (fclose(out) != 0 || written != file->len)
    return cli_fail_file(path);
  return 0;
}

MUST_CHECK static int write_templates(const char *folder) {
  const size_t prefix = strlen(TEMPLATES);
  struct buf path = {0};
  int err = 0;
  for (const struct embedded *file = embedded_files; file->name && !err;
       file++) {
    if (strncmp(file->name, TEMPLATES, prefix) != 0)
      continue;
    buf_reset(&path, PATH_BYTES);
    buf_printf(&path, "%s/%s", folder, file->name + prefix);
    err = write_template(path.data, file);
    if (!err)
      printf("  %s\n", path.data);
  }
  buf_free(&path);
  return err;
}

int cli_new(int argc, char **argv) {
  if (argc != 1 || argv[0][0] == '-' || !argv[0][0]) {
    fputs("perigee: say where: perigee new DIR\n", stderr);
    return CLI_USAGE;
  }
  char *folder = argv[0];
  size_t len = strlen(folder);
  while (len > 1 && folder[len - 1] == '/')
    folder[--len] = 0;
  if (check_empty(folder) < 0 || write_templates(folder) < 0)
    return CLI_FAILED;
  printf("\nNow:\n\n");
  if (strcmp(folder, ".") != 0)
    printf("  cd %s\n", folder);
  printf("  perigee dev      serves it; open the page that is printed\n"
         "  perigee console  shows what happens inside, while it runs\n"
         "  perigee test     runs its specs\n");
  return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
