/* Files as people write them, and what guard scan says of each; every rule beside its near miss. */
#include "../testing.h"
#include "base/fs.h"
#include "guard/scan.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct
{
  const char *path, *text;
  const char
      *expected; /* "LINE:RULE" of each finding, in order; (w) warning, (n) note, (a) allowed */
} Case;

static const char *const production[] = { "*prod.yml", NULL };

static void
write_file (const char *folder, const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (folder, path, NULL);
  g_autofree char *parent = g_path_get_dirname (full);
  assert_int_equal (g_mkdir_with_parents (parent, 0700), 0);
  assert_true (g_file_set_contents (full, text, -1, NULL));
}

/* Of the rules that some case found. */
static GHashTable *fired;

static void
say (GString *out, const ScanFinding *finding, const char *file)
{
  static const char *const marks[] = { "(n)", "(w)", "" };
  g_hash_table_add (fired, (gpointer) finding->rule);
  g_string_append_printf (out, "%s", out->len > 0 ? " " : "");
  if (strcmp (finding->file, file) != 0)
    g_string_append_printf (out, "%s:", finding->file);
  g_string_append_printf (out, "%u:%s%s", finding->line, finding->rule->id,
                          finding->reason != NULL ? "(a)" : marks[finding->severity]);
}

/* What is said of FILES, a list of paths and texts; places in the first are told without its name. */
static char *
scan_files (const Case *files, size_t count, const char *const *compose, const char *const *protect)
{
  g_autofree char *folder = g_dir_make_tmp ("pgkeel-scan-XXXXXX", NULL);
  g_autoptr (ScanResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GString *out = g_string_new (NULL);
  for (size_t i = 0; i < count; i++)
    write_file (folder, files[i].path, files[i].text);
  const ScanSettings settings = { .folder = folder,
                                  .label = "keep=true",
                                  .protect = protect,
                                  .production = production,
                                  .compose = compose };
  assert_int_equal (guard_scan_run (&settings, &result, &error), error == NULL);
  assert_no_error (error);
  for (guint i = 0; i < result->findings->len; i++)
    say (out, result->findings->pdata[i], files[0].path);
  for (guint i = 0; i < result->allowed->len; i++)
    say (out, result->allowed->pdata[i], files[0].path);
  assert_true (fs_remove_tree (folder, NULL));
  return g_string_free (out, FALSE);
}

static void
check_cases (const Case *cases, size_t count)
{
  unsigned int wrong = 0;
  for (size_t i = 0; i < count; i++)
    {
      g_autofree char *said = scan_files (&cases[i], 1, NULL, NULL);
      if (strcmp (said, cases[i].expected) == 0)
        continue;
      print_message ("%s\n%s\n  expected: %s\n  said:     %s\n", cases[i].path, cases[i].text,
                     cases[i].expected, said);
      wrong++;
    }
  assert_int_equal (wrong, 0);
}

#define DB "services:\n  db:\n    image: postgres:17\n    volumes: [pg:/var/lib/postgresql/data]\n"

static void
test_volumes (void **state)
{
  static const Case cases[] = {
    /* the label, in both forms; external, in both forms; another label is none */
    { "compose.yml", DB "volumes:\n  pg:\n", "6:db-volume-unprotected" },
    { "compose.yml", DB "volumes:\n  pg: {}\n", "6:db-volume-unprotected" },
    { "compose.yml", DB "volumes:\n  pg: {labels: {keep: true}}\n", "" },
    { "compose.yml", DB "volumes:\n  pg: {labels: {keep: \"true\"}}\n", "" },
    { "compose.yml", DB "volumes:\n  pg: {labels: [\"keep=true\"]}\n", "" },
    { "compose.yml", DB "volumes:\n  pg: {labels: {keep: false}}\n", "6:db-volume-unprotected" },
    { "compose.yml", DB "volumes:\n  pg: {labels: {keeper: true}}\n", "6:db-volume-unprotected" },
    { "compose.yml", DB "volumes:\n  pg: {external: true}\n", "" },
    { "compose.yml", DB "volumes:\n  pg: {external: {name: x}}\n", "" },
    { "compose.yml", DB "volumes:\n  pg: {external: false}\n", "6:db-volume-unprotected" },
    { "compose.yml", DB, "4:db-volume-unprotected" },
    { "compose.test.yml", DB "volumes:\n  pg:\n", "" },
    { "tests/compose.yml", DB "volumes:\n  pg:\n", "" },
    { "latest/compose.yml", DB "volumes:\n  pg:\n", "6:db-volume-unprotected" },
    { "ci/compose.prod.yml", DB "volumes:\n  pg:\n", "6:db-volume-unprotected" },
    /* by an anchor, and by a merge key */
    { "compose.yml", "x-keep: &keep {keep: \"true\"}\n" DB "volumes:\n  pg: {labels: *keep}\n",
      "" },
    { "compose.yml", "x-v: &v {external: true}\n" DB "volumes:\n  pg:\n    <<: *v\n", "" },
    /* a folder under another name outlives `down -v` */
    { "compose.yml", DB "volumes:\n  pg: {driver_opts: {type: none, o: bind, device: /srv/pg}}\n",
      "" },
    { "compose.yml", DB "volumes:\n  pg: {driver_opts: {type: nfs, o: addr=h, device: /srv/pg}}\n",
      "6:db-volume-unprotected" },
    /* the long form, another image of PostgreSQL, and what only looks like one */
    { "compose.yml",
      "services:\n  db:\n    image: docker.io/postgis/postgis:16-3.4\n    volumes:\n"
      "      - type: volume\n        source: pg\n        target: /var/lib/postgresql/data\n"
      "volumes:\n  pg:\n",
      "9:db-volume-unprotected" },
    { "compose.yml",
      "services:\n  m:\n    image: quay.io/x/postgres-exporter:1\n    volumes: [a:/x]\nvolumes:\n  a:\n",
      "" },
    { "compose.yml", "services:\n  r:\n    image: postgrest/postgrest\n", "" },
    { "compose.yml",
      "services:\n  r:\n    image: redis:7\n    volumes: [r:/data]\nvolumes:\n  r:\n", "" },
    { "compose.yml",
      "services:\n  db:\n    build: .\n    environment: [\"POSTGRES_PASSWORD=${P:?}\"]\n"
      "    volumes: [pg:/var/lib/postgresql/data]\nvolumes:\n  pg:\n",
      "7:db-volume-unprotected" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

#define SERVICE(image, rest) "services:\n  db:\n    image: " image "\n" rest
#define EXTERNAL "volumes:\n  pg: {external: true}\n"

static void
test_missing_volumes (void **state)
{
  static const Case cases[] = {
    { "compose.prod.yml", SERVICE ("postgres:17", ""), "2:db-volume-missing" },
    { "compose.dev.yml", SERVICE ("postgres:17", ""), "2:db-volume-missing(w)" },
    { "compose.yml", SERVICE ("postgres:17", "    volumes: [/var/lib/postgresql/data]\n"),
      "4:db-volume-missing(w)" },
    { "compose.prod.yml", SERVICE ("postgres:17", "    tmpfs: /var/lib/postgresql/data:size=1g\n"),
      "4:db-volume-missing" },
    { "compose.yml", SERVICE ("postgres:17", "    tmpfs: [/var/lib/postgresql/data]\n"), "" },
    { "compose.yml", SERVICE ("postgres:17", "    volumes: [./pg:/var/lib/postgresql/data]\n"),
      "" },
    /* the image's own volume lies over one that is further up */
    { "compose.yml", SERVICE ("postgres:17", "    volumes: [pg:/var/lib/postgresql]\n" EXTERNAL),
      "4:db-volume-missing" },
    { "compose.yml", SERVICE ("postgres:18", "    volumes: [pg:/var/lib/postgresql]\n" EXTERNAL),
      "" },
    { "compose.yml",
      SERVICE ("postgres:18", "    volumes: [pg:/var/lib/postgresql/data]\n" EXTERNAL),
      "4:db-volume-missing" },
    { "compose.yml",
      SERVICE ("postgres:${V:-18}", "    volumes: [pg:/var/lib/postgresql/data]\n" EXTERNAL),
      "4:db-volume-missing" },
    { "compose.yml", SERVICE ("postgres", "    volumes: [pg:/var/lib/postgresql/data]\n" EXTERNAL),
      "" },
    { "compose.yml",
      SERVICE ("postgres:18",
               "    environment: [PGDATA=/data/pg]\n    volumes: [pg:/data]\n" EXTERNAL),
      "" },
    { "compose.yml",
      SERVICE ("postgres:17", "    environment: {PGDATA: /var/lib/postgresql/data/x}\n"
                              "    volumes: [pg:/var/lib/postgresql/data/]\n" EXTERNAL),
      "" },
    { "compose.yml",
      SERVICE ("bitnami/postgresql:16", "    volumes: [pg:/bitnami/postgresql]\n" EXTERNAL), "" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

#define STORE(rest) "services:\n  db:\n    image: redis:7\n" rest

static void
test_services (void **state)
{
  static const Case cases[] = {
    { "compose.prod.yml", STORE ("    ports: [\"6379:6379\"]\n"), "4:port-exposed" },
    { "compose.prod.yml", STORE ("    ports: [\"6379\"]\n"), "4:port-exposed" },
    { "compose.prod.yml", STORE ("    ports: [\"0.0.0.0:1:1/tcp\"]\n"), "4:port-exposed" },
    { "compose.prod.yml", STORE ("    ports: [\"[::]:1:1\"]\n"), "4:port-exposed" },
    { "compose.prod.yml", STORE ("    ports: [\"127.0.0.1:1:1\", \"[::1]:1:1\"]\n"), "" },
    { "compose.prod.yml", STORE ("    ports: [\"${A:-127.0.0.1}:1:1\"]\n"), "" },
    { "compose.prod.yml", STORE ("    ports: [\"${A:-0.0.0.0}:1:1\"]\n"), "4:port-exposed" },
    { "compose.prod.yml", STORE ("    ports: [\"127.0.0.1:${P:-1}:1\"]\n"), "" },
    { "compose.prod.yml", STORE ("    ports:\n      - {target: 1, published: 1}\n"),
      "5:port-exposed" },
    { "compose.prod.yml",
      STORE ("    ports:\n      - {target: 1, published: 1, host_ip: 127.0.0.1}\n"), "" },
    { "compose.prod.yml", STORE ("    expose: [6379]\n"), "" },
    { "compose.prod.yml", STORE ("    network_mode: host\n"), "4:port-exposed" },
    { "compose.yml", STORE ("    ports: [\"6379:6379\"]\n"), "4:port-exposed(n)" },
    { "compose.prod.yml", "services:\n  web:\n    image: caddy:2\n    ports: [\"443:443\"]\n", "" },
    /* tools */
    { "compose.prod.yml", "services:\n  a:\n    image: adminer:4\n", "3:admin-tool-production" },
    { "compose.prod.yml", "services:\n  a:\n    image: dpage/pgadmin4\n",
      "3:admin-tool-production" },
    { "compose.dev.yml", "services:\n  a:\n    image: adminer:4\n", "" },
    { "compose.prod.yml", "services:\n  a:\n    image: acme/adminer-docs\n", "" },
    /* strangers */
    { "compose.yml",
      DB "  searxng:\n    image: searxng/searxng\nvolumes:\n  pg: {external: true}\n",
      "5:unrelated-service(w)" },
    { "compose.yml",
      DB "  app:\n    image: acme/app\n    environment: {URL: \"postgres://u@db/x\"}\n"
         "volumes:\n  pg: {external: true}\n",
      "" },
    { "compose.yml",
      DB "  app:\n    image: acme/app\n    depends_on: {db: {condition: service_started}}\n"
         "volumes:\n  pg: {external: true}\n",
      "" },
    { "compose.yml", DB "  r:\n    image: redis:7\nvolumes:\n  pg: {external: true}\n", "" },
    { "compose.yml", DB "  app:\n    build: .\nvolumes:\n  pg: {external: true}\n", "" },
    { "compose.yml", "services:\n  searxng:\n    image: searxng/searxng\n", "" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

#define ENVIRONMENT(text) "services:\n  app:\n    build: .\n    environment:\n      " text "\n"

static void
test_secrets (void **state)
{
  static const Case cases[] = {
    { "compose.yml", ENVIRONMENT ("POSTGRES_PASSWORD: vK3x9QpLm2Zt"), "5:plaintext-secret" },
    { "compose.yml", ENVIRONMENT ("- POSTGRES_PASSWORD=vK3x9QpLm2Zt"), "5:plaintext-secret" },
    { "compose.yml", ENVIRONMENT ("DATABASE_URL: postgres://u:vK3x9QpLm2Zt@db/x"),
      "5:plaintext-secret" },
    { "compose.yml", ENVIRONMENT ("DATABASE_URL: postgres://u:${P}@db/x"), "" },
    { "compose.yml", ENVIRONMENT ("POSTGRES_PASSWORD: ${P:-vK3x9QpLm2Zt}"), "5:plaintext-secret" },
    { "compose.yml", ENVIRONMENT ("POSTGRES_PASSWORD: ${P:?set it}"), "" },
    { "compose.yml", ENVIRONMENT ("POSTGRES_PASSWORD: postgres"), "" },
    { "compose.prod.yml", ENVIRONMENT ("POSTGRES_PASSWORD: postgres"), "5:plaintext-secret" },
    { "compose.prod.yml", ENVIRONMENT ("POSTGRES_PASSWORD: changeme"), "5:plaintext-secret" },
    { "compose.prod.yml", ENVIRONMENT ("POSTGRES_PASSWORD: ${P:-postgres}"), "5:plaintext-secret" },
    { "compose.prod.yml", ENVIRONMENT ("POSTGRES_PASSWORD_FILE: /run/secrets/p"), "" },
    { "compose.yml", ENVIRONMENT ("PASSWORD_MIN_LENGTH: \"vK3x9QpLm2Zt\""), "" },
    { "run.sh", "export PGPASSWORD=vK3x9QpLm2Zt\npsql\n", "1:plaintext-secret" },
    { "run.sh", "PGPASSWORD=\"$(cat f)\" psql\n", "" },
    { "run.sh", "echo AKIAIOSFODNN7\n# AKIAIOSFODNN7ABCDEFG\n", "2:access-token" },
    { ".github/workflows/ci.yml",
      "jobs:\n  a:\n    runs-on: ubuntu-latest\n    env:\n      API_TOKEN: vK3x9QpLm2Zt\n    steps: []\n",
      "5:plaintext-secret" },
    { ".github/workflows/ci.yml",
      "jobs:\n  a:\n    runs-on: ubuntu-latest\n    env:\n      API_TOKEN: ${{ secrets.T }}\n"
      "    services:\n      db:\n        image: postgres:17\n        env: {POSTGRES_PASSWORD: postgres}\n",
      "" },
    { "run.sh",
      "cat > k <<X\n-----BEGIN RSA PRIVATE KEY-----\n"
      "MIIEowIBAAKCAQEA7bq1d8Yxw0zP4qkq0Vd3mYg5u0nS8oQF\n-----END RSA PRIVATE KEY-----\nX\n",
      "2:private-key" },
    { "run.sh", "grep -q -- '-----BEGIN PRIVATE KEY-----' \"$1\"\n", "" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_commands (void **state)
{
  static const Case cases[] = {
    { "a.sh", "docker compose down -v\n", "1:down-volumes" },
    { "a.sh", "docker-compose -f compose.yml down --volumes --remove-orphans\n", "1:down-volumes" },
    { "a.sh", "docker compose down -t 3 --vol\n", "1:down-volumes" },
    { "a.sh", "sudo -u x docker compose \\\n  --project-name app \\\n  down \\\n  -v\n",
      "4:down-volumes" },
    { "a.sh", "docker compose down\ndocker compose down --remove-orphans -t 5\n", "" },
    { "a.sh", "docker compose down --volumes=false\n", "" },
    { "a.sh", "docker compose -p app-test down -v\n", "" },
    { "a.sh", "COMPOSE_PROJECT_NAME=ci docker compose down -v\n", "" },
    { "a.sh", "docker compose -f compose.test.yml down -v\n", "1:down-volumes(n)" },
    { "a.sh", "docker -v\ndocker compose run -v a:/b app\n", "" },
    { "a.sh", "# docker compose down -v\necho 'docker compose down -v'\n", "" },
    { "a.sh", "cat <<EOF\ndocker compose down -v\nEOF\nls\n", "" },
    { "a.sh", "bash -c 'docker compose down -v'\n", "1:down-volumes" },
    { "a.sh", "ssh host \"cd /srv && docker compose down -v\"\n", "1:down-volumes" },
    { "a.sh", "bash <<EOF\nls\ndocker compose down -v\nEOF\n", "3:down-volumes" },
    { "a.sh", "if x; then\n  y || docker compose down -v; fi\n", "2:down-volumes" },
    { "a.sh", "case $1 in\n  reset) docker compose down -v ;;\nesac\n", "2:down-volumes" },
    { "a.sh", "f () {\n  docker compose down -v\n}\n", "2:down-volumes" },
    { "a.sh", "x=$(docker compose down -v)\n", "1:down-volumes" },
    { "a.sh", "trap 'docker compose down -v' EXIT\n", "1:down-volumes" },
    { "a.sh", "DC=\"docker compose -f a.yml\"\n$DC down -v\n", "2:down-volumes" },
    { "a.sh", "${COMPOSE:-docker compose} down -v\n", "1:down-volumes" },
    { "a.sh", "ledger_docker compose down -v\n", "1:down-volumes" },
    { "a.sh", "pgkeel -e production guard docker compose down -v\n", "1:down-volumes" },
    { "a.sh", "pgkeel guard docker compose down\npgkeel migrate down -v\n", "" },
    { "a.sh", "$COMPOSE down -v\n", "1:down-volumes" },
    /* volumes */
    { "a.sh", "docker volume rm app_pgdata\n", "1:volume-remove" },
    { "a.sh", "docker volume rm -f \"$VOLUME\"\n", "1:volume-remove" },
    { "a.sh", "v=$(docker volume ls -q)\ndocker volume rm $v\n", "2:volume-remove" },
    { "a.sh", "docker volume ls -q | xargs docker volume rm\n", "1:volume-remove" },
    { "a.sh", "docker volume rm node-modules\n", "1:volume-remove(n)" },
    { "a.sh", "docker volume ls\ndocker volume inspect pgdata\n", "" },
    { "a.sh", "docker volume prune -f\n", "1:volume-prune" },
    { "a.sh", "docker system prune -af --volumes\n", "1:volume-prune" },
    { "a.sh", "docker system prune -af\ndocker image prune -a\n", "" },
    { "a.sh", "docker volume prune --filter label=tmp\n", "1:volume-prune(n)" },
    { "a.sh", "docker volume create pgdata\n", "1:db-volume-unprotected" },
    { "a.sh", "docker volume create --label keep=true pgdata\n", "" },
    { "a.sh", "docker volume create cache\n", "" },
    /* containers */
    { "a.sh", "docker rm -fv postgres\n", "1:container-remove-volumes(w)" },
    { "a.sh", "docker rm -f postgres\n", "" },
    { "a.sh", "docker rm -v web\n", "1:container-remove-volumes(n)" },
    { "a.sh", "docker compose rm -sfv db\n", "1:container-remove-volumes(w)" },
    { "a.sh", "docker compose up -d -V\n", "1:container-remove-volumes(w)" },
    { "a.sh", "docker compose up -d\n", "" },
    /* data */
    { "a.sh", "rm -rf ./pgdata\n", "1:remove-data" },
    { "a.sh", "rm -rf /var/lib/postgresql/17/main\n", "1:remove-data" },
    { "a.sh", "rm -rf \"$PGDATA\"/*\n", "1:remove-data" },
    { "a.sh", "rm -rf build \"$TMP/pgdata\" node_modules/pg\nrm pgdata.txt\n", "" },
    { "a.sh", "docker run --rm -v pgdata:/x alpine rm -rf /x/base\n", "1:remove-data" },
    { "a.sh", "docker run --rm -v cache:/x alpine rm -rf /x/base\n", "" },
    { "a.sh", "docker exec db sh -c 'rm -rf /var/lib/postgresql/data'\n", "1:remove-data" },
    /* what cannot be read */
    { "a.sh", "ls\necho \"open\ndocker compose down -v\n", "2:script-unreadable(w)" },
    { ".husky/pre-push", "#!/bin/sh\ndocker compose down -v\n", "2:down-volumes" },
    { "tool", "#!/usr/bin/env bash\ndocker compose down -v\n", "2:down-volumes" },
    { "tool", "#!/usr/bin/env python3\ndocker compose down -v\n", "" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_other_scripts (void **state)
{
  static const Case cases[] = {
    { "Makefile", "clean: ## all of it\n\t@docker compose down -v\n", "2:down-volumes" },
    { "Makefile", "DC ?= docker compose\nARGS = -v\nclean:\n\t$(DC) down $(ARGS)\n",
      "4:down-volumes" },
    { "Makefile", "clean: ; docker compose down -v\n", "1:down-volumes" },
    { "Makefile", "clean:\n\tls; \\\n\tdocker compose down -v\n", "3:down-volumes" },
    { "Makefile", "clean:\n\t@echo 'docker compose down -v'\n\tdocker compose down\n", "" },
    { "Makefile", "x:\n\tfor i in a b; do echo $$i; done; docker volume rm $${V}\n",
      "2:volume-remove" },
    { "Makefile", "NOTE = docker compose down -v\n# docker compose down -v\n", "" },
    { "package.json",
      "{\n  \"scripts\": {\n    \"up\": \"docker compose up\",\n    \"reset\": \"npm run x && "
      "docker compose down -v\"\n  }\n}\n",
      "4:down-volumes" },
    { "package.json",
      "{\"description\": \"docker compose down -v\", \"scripts\": {\"a\": \"tsc\"}}\n", "" },
    { ".github/workflows/ci.yml",
      "jobs:\n  a:\n    runs-on: [self-hosted]\n    steps:\n      - run: |\n          ls\n"
      "          docker compose down -v\n",
      "7:down-volumes" },
    { ".github/workflows/ci.yml",
      "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: docker compose down -v\n",
      "5:down-volumes(n)" },
    { ".github/workflows/ci.yml",
      "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
      "      - run: ssh h 'docker compose down -v'\n",
      "5:down-volumes" },
    { ".github/workflows/ci.yml",
      "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - name: docker compose down -v\n"
      "        run: ls\n",
      "" },
    { ".gitlab-ci.yml", "deploy:\n  script:\n    - ls\n    - docker compose down -v\n",
      "4:down-volumes" },
    { ".gitlab-ci.yml", "deploy:\n  script: [docker compose up -d]\n", "" },
    { ".gitlab-ci.yml", "deploy:\n  script: [\n", "3:script-unreadable(w)" },
    { "README.md", "docker compose down -v\n", "" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_allow (void **state)
{
  static const Case cases[] = {
    { "a.sh", "docker compose down -v # pgkeel: allow down-volumes -- a machine for tests\n",
      "1:down-volumes(a)" },
    { "a.sh", "# pgkeel: allow down-volumes -- why\n# more\ndocker compose \\\n  down -v\n",
      "4:down-volumes(a)" },
    { "a.sh",
      "# pgkeel: allow-file down-volumes, volume-prune -- why\nls\ndocker compose down -v\n",
      "3:down-volumes(a)" },
    { "a.sh", "docker compose down -v # pgkeel: allow down-volumes\n",
      "1:allow-invalid 1:down-volumes" },
    { "a.sh", "docker compose down -v # pgkeel: allow down-volume -- why\n",
      "1:allow-invalid 1:down-volumes" },
    { "a.sh", "docker compose down -v # pgkeel: allow volume-prune -- why\n",
      "1:allow-unused(w) 1:down-volumes" },
    { "a.sh", "# pgkeel: allow down-volumes -- why\nls\ndocker compose down -v\n",
      "1:allow-unused(w) 3:down-volumes" },
    { "compose.yml", DB "volumes:\n  # pgkeel: allow db-volume-unprotected -- thrown away\n  pg:\n",
      "7:db-volume-unprotected(a)" },
    { "package.json",
      "{\"scripts\": {\n  \"//\": \"pgkeel: allow down-volumes -- why\",\n"
      "  \"a\": \"docker compose down -v\"}}\n",
      "3:down-volumes(a)" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_unreadable (void **state)
{
  static const Case cases[] = {
    { "compose.yml", "services:\n  db: [\n", "3:compose-unreadable" },
    { "compose.yml", "services:\n  db: {image: x}\n  db: {image: y}\n", "3:compose-unreadable" },
    { "compose.yml", "- a\n", "1:compose-unreadable" },
    { "compose.yml", "", "" },
    { "compose.yml", "services: 3\nvolumes: [a]\n", "" },
    { "compose.yml", "include: [other.yml]\nservices:\n  a:\n    extends: {service: b, file: c}\n",
      "1:compose-not-followed(n) 4:compose-not-followed(n)" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

typedef struct
{
  Case files[3];
  const char *compose[3]; /* -f */
  const char *protect[2];
  const char *expected;
} GroupCase;

static void
test_groups (void **state)
{
  static const GroupCase cases[] = {
    /* the override brings the label, or takes it away */
    { { { "compose.yml", DB "volumes:\n  pg:\n", NULL },
        { "compose.override.yml", "volumes:\n  pg: {labels: {keep: true}}\n", NULL } },
      { NULL },
      { NULL },
      "" },
    { { { "compose.yml", DB "volumes:\n  pg: {external: true}\n", NULL },
        { "compose.override.yml", "volumes:\n  pg: !override {}\n", NULL } },
      { NULL },
      { NULL },
      "compose.override.yml:2:db-volume-unprotected" },
    /* what is not whole is merged over the file that compose takes */
    { { { "compose.yml", DB "volumes:\n  pg: {external: true}\n", NULL },
        { "compose.prod.yml", "services:\n  db:\n    ports: [\"5432:5432\"]\n", NULL } },
      { NULL },
      { NULL },
      "compose.prod.yml:3:port-exposed" },
    { { { "compose.yml", "services:\n  db:\n    image: redis\n    ports: [\"1:1\"]\n", NULL },
        { "compose.prod.yml", "services:\n  db:\n    ports: !reset []\n", NULL } },
      { NULL },
      { NULL },
      "4:port-exposed(n)" },
    /* what is whole is not */
    { { { "compose.yml", "services:\n  a:\n    image: adminer\n", NULL },
        { "compose.prod.yml", "services:\n  web:\n    image: caddy\n", NULL } },
      { NULL },
      { NULL },
      "" },
    { { { "compose.yml", "services:\n  a:\n    image: adminer\n", NULL },
        { "compose.prod.yml", "services:\n  web:\n    image: caddy\n", NULL } },
      { "compose.yml", "compose.prod.yml" },
      { NULL },
      "3:admin-tool-production" },
    { { { "stack/a.yml", DB, NULL },
        { "stack/b.yml", "volumes:\n  pg: {external: true}\n", NULL } },
      { "stack/a.yml", "stack/b.yml" },
      { NULL },
      "" },
    /* names and folders that compose files make known to scripts */
    { { { "reset.sh", "docker volume rm ledger_store\nrm -rf var/store\n", NULL },
        { "compose.yml",
          "services:\n  db:\n    image: postgres:17\n    volumes: [s:/var/lib/postgresql/data]\n"
          "  db2:\n    image: postgres:17\n    volumes: [./var/store:/var/lib/postgresql/data]\n"
          "volumes:\n  s: {external: true, name: ledger_store}\n",
          NULL } },
      { NULL },
      { NULL },
      "1:volume-remove 2:remove-data" },
    /* guard.protect */
    { { { "compose.prod.yml", DB "volumes:\n  pg: {name: ledger-pg}\n", NULL } },
      { NULL },
      { "ledger-*" },
      "" },
    { { { "compose.prod.yml", DB "volumes:\n  pg: {external: true, name: ledger-pg2}\n", NULL } },
      { NULL },
      { "ledger-pg" },
      "4:db-volume-changed(w)" },
  };
  unsigned int wrong = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      size_t count = 0;
      while (count < 3 && cases[i].files[count].path != NULL)
        count++;
      g_autofree char *said
          = scan_files (cases[i].files, count,
                        cases[i].compose[0] != NULL ? cases[i].compose : NULL, cases[i].protect);
      if (strcmp (said, cases[i].expected) == 0)
        continue;
      print_message ("group %zu\n  expected: %s\n  said:     %s\n", i, cases[i].expected, said);
      wrong++;
    }
  assert_int_equal (wrong, 0);
}

/* The fields that the specification requires, and those that code hosts show. */
static void
test_sarif (void **state)
{
  g_autofree char *folder = g_dir_make_tmp ("pgkeel-scan-XXXXXX", NULL);
  g_autoptr (ScanResult) result = NULL;
  write_file (folder, "a b.sh",
              "docker compose down -v\n"
              "docker volume prune # pgkeel: allow volume-prune -- meant\n");
  const ScanSettings settings = { .folder = folder, .label = "keep" };
  assert_true (guard_scan_run (&settings, &result, NULL));
  json_t *sarif = scan_sarif (result, "1.2.3");
  const char *version, *schema, *name, *id, *level, *uri, *text, *kind, *reason;
  int index, line, column;
  json_t *rules, *results;
  assert_int_equal (json_unpack (sarif, "{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:o}]}", "version",
                                 &version, "$schema", &schema, "runs", "tool", "driver", "name",
                                 &name, "rules", &rules, "results", &results),
                    0);
  assert_string_equal (version, "2.1.0");
  assert_string_equal (schema, "https://json.schemastore.org/sarif-2.1.0.json");
  assert_string_equal (name, "pgkeel");
  assert_int_equal (json_array_size (results), 2);
  assert_int_equal (json_unpack (json_array_get (results, 0),
                                 "{s:s, s:i, s:s, s:{s:s}, s:[{s:{s:{s:s}, s:{s:i, s:i}}}]}",
                                 "ruleId", &id, "ruleIndex", &index, "level", &level, "message",
                                 "text", &text, "locations", "physicalLocation", "artifactLocation",
                                 "uri", &uri, "region", "startLine", &line, "startColumn", &column),
                    0);
  assert_string_equal (id, "down-volumes");
  assert_string_equal (
      json_string_value (json_object_get (json_array_get (rules, (size_t) index), "id")), id);
  assert_string_equal (level, "error");
  assert_string_equal (uri, "a%20b.sh");
  assert_int_equal (line, 1);
  assert_int_equal (column, 21);
  assert_non_null (strstr (text, "-v"));
  assert_int_equal (json_unpack (json_array_get (results, 1), "{s:[{s:s, s:s}]}", "suppressions",
                                 "kind", &kind, "justification", &reason),
                    0);
  assert_string_equal (kind, "inSource");
  assert_string_equal (reason, "meant");
  json_decref (sarif);
  assert_true (fs_remove_tree (folder, NULL));
}

/* Each rule has fired in a case of this file (env-secret needs git: guard_scan.bats), and says all that it
 * must. */
static void
test_rules (void **state)
{
  size_t count;
  const ScanRule *rules = scan_rules (&count);
  g_autofree char *page
      = g_build_filename (g_getenv ("PGKEEL_SOURCE_ROOT"), "docs", "guard-scan.md", NULL);
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents (page, &text, NULL, NULL));
  for (size_t i = 0; i < count; i++)
    {
      g_autofree char *row = g_strdup_printf ("`%s`", rules[i].id);
      if (strstr (text, row) == NULL)
        fail_msg ("docs/guard-scan.md has no row for %s", rules[i].id);
      assert_ptr_equal (scan_rule_find (rules[i].id), &rules[i]);
      assert_true (strlen (rules[i].title) > 0 && strlen (rules[i].why) > 0);
      assert_true (g_str_has_suffix (rules[i].why, "."));
      assert_true (strlen (rules[i].change) > 0);
      if (strcmp (rules[i].id, "env-secret") != 0 && !g_hash_table_contains (fired, &rules[i]))
        fail_msg ("no case breaks %s", rules[i].id);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_volumes),  cmocka_unit_test (test_missing_volumes),
    cmocka_unit_test (test_services), cmocka_unit_test (test_secrets),
    cmocka_unit_test (test_commands), cmocka_unit_test (test_other_scripts),
    cmocka_unit_test (test_allow),    cmocka_unit_test (test_unreadable),
    cmocka_unit_test (test_groups),   cmocka_unit_test (test_sarif),
    cmocka_unit_test (test_rules),
  };
  fired = g_hash_table_new (NULL, NULL);
  int failed = cmocka_run_group_tests (tests, NULL, NULL);
  g_hash_table_unref (fired);
  return failed;
}
