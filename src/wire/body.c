/* SPDX-License-Identifier: MIT
 * Reading the body of a request. */
#include "wire/body.h"

#include <stdint.h>

enum body_state {
  BODY_LENGTH,     /* content of a known length */
  BODY_SIZE,       /* the size of a chunk; its first digit has to come */
  BODY_SIZE_MORE,  /* more digits, an extension, or the end of the line */
  BODY_EXTENSION,  /* dropped up to the end of the line */
  BODY_SIZE_LF,    /* behind the CR */
  BODY_CHUNK,      /* content */
  BODY_CHUNK_CR,   /* behind the content */
  BODY_CHUNK_LF,   /* */
  BODY_TRAILER,    /* begin of a line behind the last chunk */
  BODY_FIELD,      /* inside of such a line */
  BODY_FIELD_LF,   /* its end */
  BODY_TRAILER_LF, /* the end of the empty line, and of it all */
  BODY_OVER,
};

void body_begin(struct body *body, const struct request *request, size_t max) {
  *body = (struct body){.state = request->chunked ? BODY_SIZE : BODY_LENGTH,
                        .left = request->length,
                        .room = max};
}

static int chunk_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A size that no size_t holds is larger than any body may be. */
static void add_size_digit(struct body *body, int digit) {
  if (body->left > (SIZE_MAX - (size_t)digit) / 16)
    body->left = SIZE_MAX;
  else
    body->left = body->left * 16 + (size_t)digit;
}

/* What follows a whole line with a size. */
static enum body_result size_ended(struct body *body) {
  body->line = 0;
  if (body->left > body->room)
    return BODY_LARGE;
  body->state = body->left > 0 ? BODY_CHUNK : BODY_TRAILER;
  return BODY_MORE;
}

static bool step_size(struct body *body, char c) {
  int digit = chunk_digit(c);
  if (++body->line > BODY_LINE_MAX)
    return false;
  if (digit >= 0) {
    add_size_digit(body, digit);
    body->state = BODY_SIZE_MORE;
    return true;
  }
  if (body->state == BODY_SIZE)
    return false;
  body->state = c == '\r' ? BODY_SIZE_LF : BODY_EXTENSION;
  return c == '\r' || c == ';';
}

static bool step_extension(struct body *body, char c) {
  if (c == '\r')
    body->state = BODY_SIZE_LF;
  return ++body->line <= BODY_LINE_MAX && c != '\n' && c != 0;
}

static bool step_trailer(struct body *body, char c) {
  bool first = body->state == BODY_TRAILER;
  if (c == '\r')
    body->state = first ? BODY_TRAILER_LF : BODY_FIELD_LF;
  else
    body->state = BODY_FIELD;
  return ++body->line <= BODY_TRAILER_MAX && c != '\n' && c != 0;
}

/* A byte that has to be this one, and what comes behind it. */
static enum body_result step_fixed(struct body *body, char c, char expected,
                                   int next) {
  body->state = next;
  return c == expected ? BODY_MORE : BODY_BAD;
}

/* A byte between pieces of content. */
static enum body_result step_body(struct body *body, char c) {
  switch ((enum body_state)body->state) {
  case BODY_SIZE:
  case BODY_SIZE_MORE:
    return step_size(body, c) ? BODY_MORE : BODY_BAD;
  case BODY_EXTENSION:
    return step_extension(body, c) ? BODY_MORE : BODY_BAD;
  case BODY_SIZE_LF:
    return c == '\n' ? size_ended(body) : BODY_BAD;
  case BODY_CHUNK_CR:
    return step_fixed(body, c, '\r', BODY_CHUNK_LF);
  case BODY_CHUNK_LF:
    return step_fixed(body, c, '\n', BODY_SIZE);
  case BODY_TRAILER:
  case BODY_FIELD:
    return step_trailer(body, c) ? BODY_MORE : BODY_BAD;
  case BODY_FIELD_LF:
    body->line++;
    return step_fixed(body, c, '\n', BODY_TRAILER);
  case BODY_TRAILER_LF:
    return step_fixed(body, c, '\n', BODY_OVER);
  case BODY_LENGTH:
  case BODY_CHUNK:
  case BODY_OVER:
    break;
  }
  return BODY_BAD;
}

/* As much content as is there. */
static void take_content(struct body *body, struct slice *in,
                         struct slice *out) {
  size_t len = in->len < body->left ? in->len : body->left;
  *out = (struct slice){in->at, len};
  *in = slice_after(*in, len);
  body->left -= len;
  body->room -= len;
  if (body->left == 0)
    body->state = body->state == BODY_CHUNK ? BODY_CHUNK_CR : BODY_OVER;
}

enum body_result body_read(struct body *body, struct slice *in,
                           struct slice *out) {
  *out = (struct slice){in->at, 0};
  if (body->state == BODY_LENGTH && body->left > body->room)
    return BODY_LARGE;
  while (body->state != BODY_OVER) {
    if (body->state == BODY_LENGTH || body->state == BODY_CHUNK) {
      take_content(body, in, out);
      break;
    }
    if (in->len == 0)
      return BODY_MORE;
    enum body_result result = step_body(body, in->at[0]);
    if (result != BODY_MORE)
      return result;
    *in = slice_after(*in, 1);
  }
  return body->state == BODY_OVER ? BODY_DONE : BODY_MORE;
}
