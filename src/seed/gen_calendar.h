/*
 * Days and times of the proleptic Gregorian calendar as PostgreSQL counts them: days and microseconds
 * since 2000-01-01. The two conversions are those of Howard Hinnant's "chrono-Compatible Low-Level Date
 * Algorithms", with the year beginning in March.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GEN_DAY_US INT64_C (86400000000)

int64_t gen_days_of_date (int64_t year, unsigned int month, unsigned int day);
void gen_date_of_days (int64_t days, int64_t *ret_year, unsigned int *ret_month,
                       unsigned int *ret_day);

/* "2024-02-29", "2024-02-29 13:45", "2024-02-29T13:45:10.25Z" (UTC; no other zone) as microseconds, and
 * "13:45:10" as those since midnight. False when TEXT is none. */
bool gen_parse_timestamp (const char *text, int64_t *ret_us);
bool gen_parse_time (const char *text, int64_t *ret_us);
