/* SPDX-License-Identifier: MIT
 * Which byte may stand where in the head of a request. */
#include "wire/head_byte.h"

#define ALL (HEAD_TOKEN | HEAD_TARGET | HEAD_VALUE | HEAD_HOST)

/* From the blank to the tilde; what is not here is in no class, but for the tab
 * and the bytes from 128 on, which a value may have. */
static const unsigned char classes[256] = {
    ['\t'] = HEAD_VALUE,
    [' '] = HEAD_VALUE,
    ['!'] = ALL,
    ['"'] = HEAD_TARGET | HEAD_VALUE,
    ['#'] = HEAD_TOKEN | HEAD_VALUE,
    ['$'] = ALL,
    ['%'] = ALL,
    ['&'] = ALL,
    ['\''] = ALL,
    ['('] = HEAD_TARGET | HEAD_VALUE | HEAD_HOST,
    [')'] = HEAD_TARGET | HEAD_VALUE | HEAD_HOST,
    ['*'] = ALL,
    ['+'] = ALL,
    [','] = HEAD_TARGET | HEAD_VALUE | HEAD_HOST,
    ['-'] = ALL,
    ['.'] = ALL,
    ['/'] = HEAD_TARGET | HEAD_VALUE,
    ['0' ... '9'] = ALL | HEAD_DIGIT,
    [':'] = HEAD_TARGET | HEAD_VALUE | HEAD_HOST,
    [';'] = HEAD_TARGET | HEAD_VALUE | HEAD_HOST,
    ['<'] = HEAD_TARGET | HEAD_VALUE,
    ['='] = HEAD_TARGET | HEAD_VALUE | HEAD_HOST,
    ['>'] = HEAD_TARGET | HEAD_VALUE,
    ['?'] = HEAD_TARGET | HEAD_VALUE,
    ['@'] = HEAD_TARGET | HEAD_VALUE,
    ['A' ... 'Z'] = ALL,
    ['['] = HEAD_TARGET | HEAD_VALUE | HEAD_HOST,
    ['\\'] = HEAD_TARGET | HEAD_VALUE,
    [']'] = HEAD_TARGET | HEAD_VALUE | HEAD_HOST,
    ['^'] = HEAD_TOKEN | HEAD_TARGET | HEAD_VALUE,
    ['_'] = ALL,
    ['`'] = HEAD_TOKEN | HEAD_TARGET | HEAD_VALUE,
    ['a' ... 'z'] = ALL,
    ['{'] = HEAD_TARGET | HEAD_VALUE,
    ['|'] = HEAD_TOKEN | HEAD_TARGET | HEAD_VALUE,
    ['}'] = HEAD_TARGET | HEAD_VALUE,
    ['~'] = ALL,
    [128 ... 255] = HEAD_VALUE,
};

bool head_byte_is(char c, unsigned class) {
  return classes[(unsigned char)c] & class;
}

size_t head_span(struct slice text, unsigned class) {
  size_t len = 0;
  while (len < text.len && head_byte_is(text.at[len], class))
    len++;
  return len;
}
