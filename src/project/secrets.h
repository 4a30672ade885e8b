/*
 * Keeps secrets out of what is written down: a net under the rule that nobody puts one in.
 *
 * Hidden are passwords in URLs, values beside words such as password= and --token, and the values that the
 * project knows as secrets: the password of its URL, PGPASSWORD, and what .env files hold under
 * names such as *_PASSWORD, *_SECRET, *_TOKEN and *_KEY.
 */
#pragma once

#include "project/project.h"

#include <jansson.h>

/* TEXT with every secret that is found in it as "***"; caller frees. */
char *secrets_hide (const Project *project, const char *text);

/* The same in every string of VALUE, at any depth; keys are left alone. In an array the element after "--password"
 * and its like is hidden, too. */
void secrets_hide_json (const Project *project, json_t *value);
