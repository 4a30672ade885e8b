#include "seed/gen_text.h"

#include "seed/gen_random.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static const char *const first_names[]
    = { "Ada",   "Amina",   "Andre", "Anna",   "Arjun",  "Aisha", "Ben",    "Bola",
        "Carla", "Chen",    "Chidi", "Clara",  "Daniel", "Diego", "Dina",   "Elena",
        "Emeka", "Emma",    "Eric",  "Fatima", "Felix",  "Femi",  "Grace",  "Hana",
        "Hugo",  "Ibrahim", "Ines",  "Ivan",   "Jack",   "Jana",  "Jonas",  "Julia",
        "Kemi",  "Kofi",    "Lars",  "Laura",  "Leila",  "Leo",   "Lin",    "Lucas",
        "Maria", "Marta",   "Mei",   "Musa",   "Nadia",  "Ngozi", "Nina",   "Noah",
        "Olga",  "Omar",    "Paul",  "Pedro",  "Priya",  "Rosa",  "Samuel", "Sara",
        "Sofia", "Tariq",   "Tomas", "Uche",   "Vera",   "Wei",   "Yusuf",  "Zainab" };
static const char *const last_names[]
    = { "Abbas",   "Adeyemi", "Ahmed",  "Almeida", "Bauer",   "Bello",    "Berg",   "Brown",
        "Castro",  "Chan",    "Clark",  "Costa",   "Davies",  "Diallo",   "Dubois", "Eze",
        "Ferrari", "Fischer", "Garcia", "Green",   "Gupta",   "Haddad",   "Hansen", "Hill",
        "Ibrahim", "Ito",     "Jensen", "Jones",   "Kaya",    "Khan",     "Kim",    "Klein",
        "Kovacs",  "Kumar",   "Lee",    "Lopez",   "Martin",  "Mensah",   "Meyer",  "Moreau",
        "Musa",    "Nguyen",  "Novak",  "Okafor",  "Okoye",   "Oliveira", "Park",   "Patel",
        "Popov",   "Reyes",   "Rossi",  "Sato",    "Schmidt", "Silva",    "Singh",  "Smith",
        "Suzuki",  "Tanaka",  "Taylor", "Torres",  "Walker",  "Wang",     "Weber",  "Young" };
static const char *const cities[]
    = { "Accra",  "Amsterdam", "Athens", "Bangalore", "Berlin", "Bogota",   "Boston", "Cairo",
        "Dakar",  "Dublin",    "Geneva", "Hamburg",   "Hanoi",  "Helsinki", "Ibadan", "Istanbul",
        "Kigali", "Kyoto",     "Lagos",  "Leeds",     "Lima",   "Lisbon",   "London", "Lyon",
        "Madrid", "Manila",    "Milan",  "Nairobi",   "Osaka",  "Oslo",     "Porto",  "Prague",
        "Quito",  "Riga",      "Seoul",  "Toronto",   "Turin",  "Utrecht",  "Vienna", "Warsaw" };
static const char *const countries[]
    = { "Argentina", "Australia", "Brazil",  "Canada", "Chile",  "Colombia", "Denmark",  "Egypt",
        "Finland",   "France",    "Germany", "Ghana",  "India",  "Ireland",  "Italy",    "Japan",
        "Kenya",     "Mexico",    "Nigeria", "Norway", "Peru",   "Poland",   "Portugal", "Rwanda",
        "Senegal",   "Spain",     "Sweden",  "Turkey", "Vietnam" };
static const char *const country_codes[]
    = { "AR", "AU", "BR", "CA", "CL", "CO", "DE", "DK", "EG", "ES", "FI", "FR", "GB", "GH", "IE",
        "IN", "IT", "JP", "KE", "MX", "NG", "NO", "PE", "PL", "PT", "RW", "SE", "SN", "US", "VN" };
static const char *const currencies[]
    = { "AUD", "BRL", "CAD", "CHF", "DKK", "EGP", "EUR", "GBP", "GHS", "INR",
        "JPY", "KES", "MXN", "NGN", "NOK", "PLN", "SEK", "TRY", "USD", "ZAR" };
static const char *const locales[]
    = { "de-DE", "en-GB", "en-NG", "en-US", "es-ES", "es-MX", "fr-FR",
        "it-IT", "ja-JP", "nl-NL", "pl-PL", "pt-BR", "sv-SE", "tr-TR" };
static const char *const time_zones[] = { "Africa/Cairo",     "Africa/Lagos",
                                          "Africa/Nairobi",   "America/Bogota",
                                          "America/New_York", "America/Lima",
                                          "Asia/Kolkata",     "Asia/Tokyo",
                                          "Asia/Seoul",       "Europe/Berlin",
                                          "Europe/London",    "Europe/Madrid",
                                          "Australia/Sydney", "UTC" };
static const char *const colours[] = { "amber", "black",  "blue", "brown", "green", "grey",
                                       "olive", "orange", "pink", "red",   "teal",  "white" };
static const char *const words[]
    = { "account", "after",  "agreed", "amount",  "answer",  "before",  "better",  "book",
        "branch",  "bridge", "bright", "careful", "change",  "clear",   "close",   "cold",
        "corner",  "daily",  "decide", "deep",    "detail",  "early",   "easy",    "every",
        "field",   "final",  "first",  "follow",  "garden",  "gentle",  "group",   "harbour",
        "heavy",   "house",  "island", "keep",    "ladder",  "large",   "later",   "leaf",
        "letter",  "light",  "market", "matter",  "meeting", "morning", "narrow",  "never",
        "note",    "number", "ocean",  "often",   "open",    "order",   "paper",   "plain",
        "point",   "quiet",  "reach",  "report",  "river",   "road",    "second",  "short",
        "silver",  "simple", "small",  "spring",  "stone",   "story",   "strong",  "summer",
        "table",   "thing",  "today",  "travel",  "under",   "value",   "village", "warm",
        "water",   "week",   "window", "winter",  "wonder",  "wood",    "work",    "yellow" };
static const char *const trades[] = { "Analytics", "Bakery", "Capital",   "Consulting", "Energy",
                                      "Foods",     "Labs",   "Logistics", "Media",      "Motors",
                                      "Partners",  "Press",  "Software",  "Systems",    "Trading" };
static const char *const legal_forms[] = { "Ltd", "LLC", "GmbH", "SA", "Plc", "Inc" };
static const char *const street_kinds[] = { "Street", "Road", "Avenue", "Lane", "Close", "Square" };
static const char *const domains[] = { "example.com", "example.net", "example.org" };

#define PICK(list, word) ((list)[gen_reduce ((word), G_N_ELEMENTS (list))])

static char *
put (char *at, const char *text)
{
  size_t length = strlen (text);
  memcpy (at, text, length);
  return at + length;
}

static char *
put_lower (char *at, const char *text)
{
  for (; *text != '\0'; text++)
    *at++ = g_ascii_tolower (*text);
  return at;
}

/* COUNT decimal digits. */
static char *
put_digits (char *at, uint64_t word, int count)
{
  for (int i = 0; i < count; i++)
    {
      *at++ = (char) ('0' + gen_reduce (word, 10));
      word *= 10;
    }
  return at;
}

/* " 17" after a text; nothing without a number. */
static char *
put_number (char *at, const char *before, const char *number)
{
  return *number == '\0' ? at : put (put (at, before), number);
}

#define END_TEXT(at, out) return (size_t) ((at) - (out))

static size_t
write_first_name (uint64_t word, const char *number, char *out)
{
  char *at = put (out, PICK (first_names, word));
  END_TEXT (put_number (at, " ", number), out);
}

static size_t
write_last_name (uint64_t word, const char *number, char *out)
{
  char *at = put (out, PICK (last_names, word));
  END_TEXT (put_number (at, " ", number), out);
}

static size_t
write_name (uint64_t word, const char *number, char *out)
{
  char *at = put (put (out, PICK (first_names, word)), " ");
  at = put (at, PICK (last_names, gen_next (word)));
  END_TEXT (put_number (at, " ", number), out);
}

static size_t
write_email (uint64_t word, const char *number, char *out)
{
  uint64_t second = gen_next (word);
  char *at = put_lower (out, PICK (first_names, word));
  at = put_lower (put (at, "."), PICK (last_names, second));
  at = *number != '\0' ? put (at, number) : put_digits (at, word << 32, 3);
  END_TEXT (put (put (at, "@"), PICK (domains, second << 32)), out);
}

static size_t
write_user_name (uint64_t word, const char *number, char *out)
{
  char *at
      = put_lower (put_lower (out, PICK (first_names, word)), PICK (last_names, gen_next (word)));
  at = *number != '\0' ? put (at, number) : put_digits (at, word << 32, 2);
  END_TEXT (at, out);
}

/* +1 ... 555 01xx is for fiction; the number, when there is one, follows as an extension. */
static size_t
write_phone (uint64_t word, const char *number, char *out)
{
  char *at = put (out, "+1");
  *at++ = (char) ('2' + gen_reduce (word, 8));
  at = put_digits (at, gen_next (word), 2);
  at = put_digits (put (at, "55501"), word << 32, 2);
  END_TEXT (put_number (at, "x", number), out);
}

static size_t
write_city (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put (out, PICK (cities, word)), " ", number), out);
}

static size_t
write_country (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put (out, PICK (countries, word)), " ", number), out);
}

static size_t
write_country_code (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put (out, PICK (country_codes, word)), "-", number), out);
}

static size_t
write_currency (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put (out, PICK (currencies, word)), "-", number), out);
}

static size_t
write_locale (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put (out, PICK (locales, word)), "-", number), out);
}

static size_t
write_time_zone (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put (out, PICK (time_zones, word)), "-", number), out);
}

static size_t
write_colour (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put (out, PICK (colours, word)), " ", number), out);
}

static size_t
write_street (uint64_t word, const char *number, char *out)
{
  char *at = out;
  at = *number != '\0' ? put (at, number) : put_digits (put (at, "1"), word << 32, 1);
  at = put (put (at, " "), PICK (last_names, word));
  END_TEXT (put (put (at, " "), PICK (street_kinds, gen_next (word))), out);
}

static size_t
write_postcode (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put_digits (out, word, 5), "-", number), out);
}

static size_t
write_company (uint64_t word, const char *number, char *out)
{
  uint64_t second = gen_next (word);
  char *at = put (put (out, PICK (last_names, word)), " ");
  at = put_number (put (at, PICK (trades, second)), " ", number);
  END_TEXT (put (put (at, " "), PICK (legal_forms, second << 32)), out);
}

static size_t
write_slug (uint64_t word, const char *number, char *out)
{
  char *at = put (put (out, PICK (words, word)), "-");
  at = put (at, PICK (words, gen_next (word)));
  END_TEXT (put_number (at, "-", number), out);
}

static size_t
write_title (uint64_t word, const char *number, char *out)
{
  char *at = put (put (out, PICK (words, word)), " ");
  out[0] = g_ascii_toupper (out[0]);
  at = put (put (at, PICK (words, gen_next (word))), " ");
  at = put (at, PICK (words, word << 32));
  END_TEXT (put_number (at, " ", number), out);
}

static size_t
write_sentence (uint64_t word, const char *number, char *out)
{
  char *at = out;
  for (uint64_t left = 6 + gen_reduce (word << 32, 7); left > 0; left--)
    {
      at = put (at, PICK (words, word));
      at = put (at, left > 1 ? " " : "");
      word = gen_next (word);
    }
  out[0] = g_ascii_toupper (out[0]);
  END_TEXT (put (put_number (at, " ", number), "."), out);
}

static size_t
write_url (uint64_t word, const char *number, char *out)
{
  char *at = put (put (out, "https://"), PICK (domains, word << 32));
  at = put (put (at, "/"), PICK (words, word));
  at = put (put (at, "/"), PICK (words, gen_next (word)));
  END_TEXT (put_number (at, "-", number), out);
}

static size_t
write_host (uint64_t word, const char *number, char *out)
{
  char *at = put (out, PICK (words, word));
  at = put (put_number (at, "-", number), ".");
  END_TEXT (put (at, PICK (domains, word << 32)), out);
}

static size_t
write_file (uint64_t word, const char *number, char *out)
{
  static const char *const endings[] = { ".pdf", ".png", ".jpg", ".txt", ".csv" };
  char *at = put (put (out, PICK (words, word)), "_");
  at = put_number (put (at, PICK (words, gen_next (word))), "_", number);
  END_TEXT (put (at, PICK (endings, word << 32)), out);
}

/* LETTERS-12345, the letters being the number's when it is short. */
static size_t
write_code (uint64_t word, const char *number, char *out)
{
  char *at = out;
  for (int i = 0; i < 3; i++, word *= 26)
    *at++ = (char) ('A' + gen_reduce (word, 26));
  at = put (at, "-");
  at = *number != '\0' ? put (at, number) : put_digits (at, gen_next (word), 6);
  END_TEXT (at, out);
}

static size_t
write_hash (uint64_t word, const char *number, char *out)
{
  static const char digits[] = "0123456789abcdef";
  char *at = put (out, number);
  if (*number != '\0')
    *at++ = 'x';
  for (; at < out + 64; word = gen_next (word))
    for (int i = 0; i < 16 && at < out + 64; i++)
      *at++ = digits[word >> (4 * i) & 15];
  END_TEXT (at, out);
}

static size_t
write_word (uint64_t word, const char *number, char *out)
{
  END_TEXT (put_number (put (out, PICK (words, word)), "-", number), out);
}

const GenTextKind gen_text_kinds[] = {
  { "first_name", write_first_name, "Ngozi" },
  { "last_name", write_last_name, "Okafor" },
  { "name", write_name, "Ngozi Okafor" },
  { "email", write_email, "ngozi.okafor417@example.org" },
  { "user_name", write_user_name, "ngoziokafor41" },
  { "phone", write_phone, "+14175550142" },
  { "city", write_city, "Lagos" },
  { "country", write_country, "Nigeria" },
  { "country_code", write_country_code, "NG" },
  { "currency", write_currency, "NGN" },
  { "locale", write_locale, "en-NG" },
  { "time_zone", write_time_zone, "Africa/Lagos" },
  { "colour", write_colour, "teal" },
  { "street", write_street, "14 Okafor Road" },
  { "postcode", write_postcode, "40213" },
  { "company", write_company, "Okafor Trading Ltd" },
  { "slug", write_slug, "silver-bridge" },
  { "title", write_title, "Silver bridge report" },
  { "sentence", write_sentence, "Silver bridge report early under water stone." },
  { "url", write_url, "https://example.org/silver/bridge" },
  { "host", write_host, "silver.example.org" },
  { "file", write_file, "silver_bridge.pdf" },
  { "code", write_code, "KQT-402137" },
  { "hash", write_hash, "64 hexadecimal digits" },
  { "word", write_word, "silver" },
  { NULL, NULL, NULL },
};

const GenTextKind *
gen_text_kind (const char *name)
{
  for (const GenTextKind *kind = gen_text_kinds; kind->name != NULL; kind++)
    if (strcmp (kind->name, name) == 0)
      return kind;
  return NULL;
}

void
gen_text_words (uint64_t word, size_t length, char *out)
{
  size_t at = 0;
  while (at < length)
    {
      const char *next = PICK (words, word);
      size_t count = MIN (strlen (next), length - at);
      memcpy (out + at, next, count);
      at += count;
      if (at < length)
        out[at++] = ' ';
      word = gen_next (word);
    }
  if (length > 0 && out[length - 1] == ' ')
    out[length - 1] = 's';
}
