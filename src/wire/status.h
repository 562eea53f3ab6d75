/* SPDX-License-Identifier: MIT
 * The words for statuses of HTTP answers. */
#ifndef WIRE_STATUS_H
#define WIRE_STATUS_H

/* The phrase of RFC 9110, "Not Found"; one that says little for a status that
 * is not in the table. */
const char *status_phrase(unsigned status);

#endif
