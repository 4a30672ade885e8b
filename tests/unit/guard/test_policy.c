/* What the policy allows and refuses, on an Engine made of a table. Volumes lie in a folder of the test. */
#include "../folder.h"

#include "base/text.h"
#include "guard/policy.h"
#include "guard/request.h"

#include <string.h>

/* The Engine: path without a query -> answer. "@" in it is the test's folder. */
typedef struct
{
  GuardEngine engine;
  json_t *answers;
  bool is_down;
} FakeEngine;

static const char engine_text[]
    = "{'/info': {'DockerRootDir': '@/docker'},"
      "'/volumes': {'Volumes': ["
      " {'Name': 'pgdata', 'Driver': 'local', 'CreatedAt': 't', 'Mountpoint': "
      "'@/docker/volumes/pgdata/_data', 'Labels': {'com.docker.compose.project': 'shop'}},"
      " {'Name': 'plain', 'Driver': 'local', 'Mountpoint': '@/docker/volumes/plain/_data', "
      "'Labels': null},"
      " {'Name': 'media', 'Driver': 'local', 'Mountpoint': '@/docker/volumes/media/_data', "
      "'Labels': {'com.ledgerflow.protect': 'true', 'keep': 'a'}},"
      " {'Name': 'almost', 'Driver': 'local', 'Mountpoint': '@/docker/volumes/plain/_data', "
      "'Labels': {'com.ledgerflow.protect': 'false'}},"
      " {'Name': 'team-a', 'Driver': 'keeper:latest', 'Mountpoint': "
      "'@/elsewhere/a', 'Labels': {}},"
      " {'Name': 'lone', 'Driver': 'local', 'Mountpoint': '@/docker/volumes/lone/_data'},"
      " {'Name': 'bound', 'Driver': 'local', 'Mountpoint': '@/docker/volumes/bound/_data',"
      "  'Options': {'type': 'none', 'o': 'bind', 'device': '@/srv/pg'}},"
      " {'Name': 'sneaky', 'Driver': 'local', 'Mountpoint': '@/docker/volumes/sneaky/_data',"
      "  'Options': {'type': 'none', 'o': 'bind', 'device': '@/docker/volumes'}},"
      " {'Name': 'far', 'Driver': 'nfs', 'Mountpoint': ''},"
      " {'Name': "
      "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'Driver': 'local',"
      "  'Mountpoint': '@/docker/volumes/anonymous/_data'}]},"
      "'/containers/json': ["
      " {'Id': '1', 'Names': ['/db'], 'State': 'running', 'Labels': {'com.docker.compose.project': "
      "'shop', 'com.docker.compose.service': 'db'}, 'Mounts': [{'Type': 'volume', 'Name': "
      "'pgdata', 'Destination': '/var/lib/postgresql/data', 'RW': true}]},"
      " {'Id': '2', 'Names': ['/web'], 'State': 'running', 'Labels': "
      "{'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web'}, 'Mounts': "
      "[]},"
      " {'Id': '3', 'Names': ['/old'], 'State': 'exited', 'Labels': {}, 'Mounts': [{'Type': "
      "'volume', 'Name': 'bound', 'Destination': '/var/lib/postgresql/data', 'RW': true}]}],"
      "'/containers/db/json': {'Name': '/db', 'Config': {'Labels': {'com.docker.compose.project': "
      "'shop'}}, "
      "'HostConfig': {'Binds': ['pgdata:/var/lib/postgresql/data:rw']}, 'Mounts': [{'Type': "
      "'volume', 'Name': 'pgdata', 'Destination': '/var/lib/postgresql/data', 'RW': true}]},"
      "'/containers/web/json': {'Config': {'Labels': {'com.docker.compose.project': 'shop'}}, "
      "'HostConfig': {}, 'Mounts': []},"
      "'/containers/once/json': {'Config': {'Labels': {'com.docker.compose.project': 'shop', "
      "'com.docker.compose.oneoff': 'True'}}, 'HostConfig': {}, 'Mounts': []},"
      "'/containers/anon/json': {'Config': {}, 'HostConfig': {}, 'Mounts': [{'Type': 'volume', "
      "'Name': 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'Destination': "
      "'/data', 'RW': true}]},"
      "'/containers/selfless/json': {'Config': {}, 'HostConfig': {'AutoRemove': true}, 'Mounts': "
      "[{'Type': 'volume', 'Name': "
      "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'Destination': "
      "'/data', 'RW': true}]},"
      "'/containers/3/json': {'Name': '/old', 'Config': {'Image': 'postgres'}, 'HostConfig': {}, "
      "'Mounts': [{'Type': 'volume', 'Name': 'bound', 'Destination': '/var/lib/postgresql/data', "
      "'RW': true}]},"
      "'/containers/wiper/json': {'Name': '/wiper', 'Config': {'Image': 'alpine'}, 'HostConfig': "
      "{}, 'Mounts': [{'Type': 'volume', 'Name': 'lone', 'Destination': '/x', 'RW': true}]},"
      "'/containers/reader/json': {'Name': '/reader', 'Config': {'Image': 'alpine'}, 'HostConfig': "
      "{}, 'Mounts': [{'Type': 'volume', 'Name': 'lone', 'Destination': '/x', 'RW': false}]},"
      "'/containers/media/json': {'Name': '/media', 'Config': {'Image': 'alpine'}, 'HostConfig': "
      "{}, 'Mounts': [{'Type': 'volume', 'Name': 'media', 'Destination': '/x', 'RW': true}]},"
      "'/containers/second/json': {'Name': '/second', 'Config': {'Image': 'postgres'}, "
      "'HostConfig': {}, 'Mounts': [{'Type': 'volume', 'Name': 'pgdata', 'Destination': "
      "'/var/lib/postgresql/data', 'RW': true}]},"
      "'/containers/free/json': {'Config': {}, 'HostConfig': {}, 'Mounts': []},"
      "'/plugins/other/json': {'Config': {'Interface': {'Types': ['docker.authz/1.0']}}},"
      "'/plugins/harmless/json': {'Config': {'Interface': {'Types': ['docker.logdriver/1.0']}}},"
      "'/images/postgres/json': {'Config': {'Env': ['PGDATA=/var/lib/postgresql/data']}},"
      "'/images/alpine/json': {'Config': {'Env': ['PATH=/bin']}}}";

static bool
fake_get (GuardEngine *engine, const char *path, json_t **ret, GError **error)
{
  FakeEngine *fake = (FakeEngine *) engine;
  g_autofree char *plain = g_strndup (path, strcspn (path, "?"));
  if (fake->is_down)
    return keel_error (error, KEEL_ERROR_UNREACHABLE, NULL, "nobody there");
  *ret = json_incref (json_object_get (fake->answers, plain));
  if (*ret != NULL || !g_str_has_prefix (plain, "/volumes/"))
    return true;
  size_t i;
  json_t *volume;
  json_array_foreach (json_object_get (json_object_get (fake->answers, "/volumes"), "Volumes"), i,
                      volume)
    if (strcmp (json_string_value (json_object_get (volume, "Name")), plain + 9) == 0)
      *ret = json_incref (volume);
  return true;
}

/* Single quotes are double ones, and "@" is FOLDER; caller frees. */
static char *
expand (const char *text, const char *folder)
{
  g_autofree char *quoted = g_strdup (text);
  g_auto (GStrv) parts = g_strsplit (g_strdelimit (quoted, "'", '"'), "@", -1);
  return g_strjoinv (folder, parts);
}

static int
make_engine_folder (void **state)
{
  static const char *const databases[]
      = { "docker/volumes/pgdata/_data", "docker/volumes/anonymous/_data/pg/data",
          "docker/volumes/lone/_data/17/main", "srv/pg" };
  static const char *const others[]
      = { "docker/volumes/plain/_data/x", "docker/volumes/media/_data", "work", "state" };
  make_test_folder (state);
  for (size_t i = 0; i < G_N_ELEMENTS (databases); i++)
    {
      g_autofree char *folder = g_build_filename (*state, databases[i], NULL);
      assert_int_equal (g_mkdir_with_parents (folder, 0700), 0);
      put_file (folder, "PG_VERSION", "17\n", 3);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *folder = g_build_filename (*state, others[i], NULL);
      assert_int_equal (g_mkdir_with_parents (folder, 0700), 0);
    }
  g_autofree char *link = g_build_filename (*state, "work", "link", NULL);
  g_autofree char *target = g_build_filename (*state, "docker", "volumes", NULL);
  assert_int_equal (symlink (target, link), 0);
  return 0;
}

/* REQUEST: "METHOD URI" or "METHOD URI BODY"; RULE: NULL when it is allowed. */
typedef struct
{
  const char *request;
  const char *rule;
  const char *volume;
} Case;

#define ANON "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CREATE "POST /containers/create "
#define SHOP_DB                                                                                    \
  "'Labels': {'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'db'}, 'Image':" \
  " 'postgres'"

static const Case cases[] = {
  { "DELETE /volumes/pgdata", "volume-remove", "pgdata" },
  { "DELETE /volumes/media?force=1", "volume-remove", "media" },
  { "DELETE /volumes/team-a", "volume-remove", "team-a" },
  { "DELETE /volumes/lone", "volume-remove", "lone" },
  { "DELETE /volumes/bound", "volume-remove", "bound" },
  { "DELETE /volumes/far", "volume-remove", "far" },
  { "DELETE /volumes/" ANON, "volume-remove", ANON },
  { "DELETE /volumes/plain", NULL, NULL },
  { "DELETE /volumes/almost", NULL, NULL },
  { "DELETE /volumes/not-there?force=1", NULL, NULL },
  { "PUT /volumes/pgdata", "volume-update", "pgdata" },
  { "PUT /volumes/plain", NULL, NULL },
  { "POST /volumes/prune", "volume-prune", "pgdata" },
  { "POST /v1.42/volumes/prune", "volume-prune", ANON },
  { "POST /v1.42/volumes/prune?filters={%22all%22:[%22true%22]}", "volume-prune", "pgdata" },
  { "POST /v1.41/volumes/prune?filters={%22label%22:[%22com.ledgerflow.protect=true%22]}",
    "volume-prune", "media" },
  { "POST /v1.41/volumes/prune?filters={%22label%22:[%22none%22]}", NULL, NULL },
  { "POST /v1.41/volumes/prune?filters={%22label%22:[%22keep=b%22]}", NULL, NULL },
  { "POST /v1.41/volumes/prune?filters={%22label%22:[%22keep%22],%22label!%22:[%22keep=a%22]}",
    NULL, NULL },
  /* Of several "label!", a volume must have all to be spared. */
  { "POST "
    "/v1.41/volumes/prune?filters={%22label%22:[%22keep%22],%22label!%22:[%22keep=a%22,%22b%22]}",
    "volume-prune", "media" },
  { "DELETE /containers/db", NULL, NULL },
  { "DELETE /containers/db?force=1", NULL, NULL },
  { "DELETE /containers/db?v=1", "compose-down", "pgdata" },
  { "DELETE /containers/web?v=1&force=1", "compose-down", "pgdata" },
  { "DELETE /containers/web?force=1", NULL, NULL },
  { "DELETE /containers/once?v=True", NULL, NULL },
  { "DELETE /containers/anon?v=1", "anonymous-volume", ANON },
  { "DELETE /containers/anon", NULL, NULL },
  { "DELETE /containers/selfless", "anonymous-volume", ANON },
  { "DELETE /containers/free?v=1", NULL, NULL },
  { "DELETE /containers/not-there?v=1", NULL, NULL },
  { "POST /containers/selfless/stop", "anonymous-volume", ANON },
  { "POST /containers/selfless/kill", "anonymous-volume", ANON },
  { "POST /containers/anon/stop", NULL, NULL },
  { "POST /containers/db/stop", NULL, NULL },
  { "POST /containers/db/start", NULL, NULL },
  { "POST /containers/db/restart", NULL, NULL },
  { "POST /containers/3/start", NULL, NULL },
  { "POST /containers/wiper/start", "mount", "lone" },
  { "POST /containers/wiper/restart?t=0", "mount", "lone" },
  { "POST /v1.23/containers/wiper/start {}", "mount", "lone" },
  { "POST /v1.23/containers/free/start {'Binds': ['pgdata:/x']}", "mount", "pgdata" },
  { "POST /containers/create {'HostConfig': {'Binds': ['']}}", "opaque", NULL },
  { "POST /containers/create {'HostConfig': {'VolumesFrom': ['']}}", NULL, NULL },
  { "POST /volumes/prune?filters={\"label\":[\"\"]}", NULL, NULL },
  { "POST /containers/reader/start", NULL, NULL },
  { "POST /containers/media/start", NULL, NULL },
  /* Two servers on one data directory destroy it. */
  { "POST /containers/second/start", "mount", "pgdata" },
  { "POST /containers/anon/start", NULL, NULL },
  { "POST /containers/not-there/start", NULL, NULL },
  { "POST /containers/selfless/checkpoints {}", "anonymous-volume", ANON },
  { "DELETE /containers/db/checkpoints/_data?dir=@/docker/volumes/pgdata", "host-path", "pgdata" },
  { "DELETE /containers/db/checkpoints/volumes?dir=@/docker", "host-path", "pgdata" },
  { "DELETE /containers/db/checkpoints/x?dir=@/work", NULL, NULL },
  { "DELETE /containers/db/checkpoints/x", NULL, NULL },
  { CREATE "{'Image': 'alpine'}", NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': ['plain:/x']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': ['new:/x', '/y']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': ['pgdata:/x']}}", "mount", "pgdata" },
  { CREATE "{'HostConfig': {'Binds': ['pgdata:/x:ro']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': ['pgdata:/x:z,ro']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': ['pgdata:/x:z']}}", "mount", "pgdata" },
  { CREATE "{'HostConfig': {'Binds': ['pgdata:/x:ro:y']}}", "opaque", NULL },
  { CREATE "{'Binds': ['pgdata:/x']}", "mount", "pgdata" },
  { CREATE "{'HostConfig': {'Memory': 1}, 'Binds': ['pgdata:/x']}", "mount", "pgdata" },
  { CREATE "{'HostConfig': {'Mounts': [{'Type': 'volume', 'Source': 'pgdata', 'Target': '/x'}]}}",
    "mount", "pgdata" },
  { CREATE "{'HostConfig': {'Mounts': [{'Type': 'volume', 'Source': 'pgdata', 'Target': '/x', "
           "'ReadOnly': true}]}}",
    NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': 'pgdata:/x'}}", "opaque", NULL },
  { CREATE "{'HostConfig': {'Binds': [1]}}", "opaque", NULL },
  { CREATE "{'HostConfig': {'Mounts': {}}}", "opaque", NULL },
  /* In its project: again at its place, as compose does while the old container is there. */
  { CREATE "{" SHOP_DB ", 'HostConfig': {'Binds': ['pgdata:/var/lib/postgresql/data:rw']}}", NULL,
    NULL },
  { CREATE "{" SHOP_DB ", 'HostConfig': {'Binds': ['pgdata:/var/lib/postgresql/data/']}}", NULL,
    NULL },
  { CREATE "{" SHOP_DB ", 'HostConfig': {'Binds': ['pgdata:/x']}}", "mount", "pgdata" },
  { CREATE "{'Labels': {'com.docker.compose.project': 'shop', 'com.docker.compose.service': "
           "'web'}, 'HostConfig': {'Binds': ['pgdata:/var/lib/postgresql/data']}}",
    "mount", "pgdata" },
  { CREATE "{'Labels': {'com.docker.compose.project': 'evil', 'com.docker.compose.service': "
           "'db'}, 'HostConfig': {'Binds': ['pgdata:/var/lib/postgresql/data']}}",
    "mount", "pgdata" },
  /* Without a project: PostgreSQL's images only, where PostgreSQL looks for it. */
  { CREATE "{'Image': 'postgres', 'HostConfig': {'Binds': ['lone:/var/lib/postgresql']}}", NULL,
    NULL },
  { CREATE "{'Image': 'postgres', 'HostConfig': {'Binds': ['lone:/x']}}", "mount", "lone" },
  { CREATE "{'Image': 'alpine', 'HostConfig': {'Binds': ['lone:/var/lib/postgresql']}}", "mount",
    "lone" },
  { CREATE "{'Image': 'alpine', 'Cmd': ['/usr/lib/postgresql/17/bin/postgres', '-D', '/x'], "
           "'HostConfig': {'Binds': ['lone:/var/lib/postgresql']}}",
    NULL, NULL },
  { CREATE "{'Image': 'postgres', 'HostConfig': {'Binds': ['bound:/var/lib/postgresql/data']}}",
    NULL, NULL },
  { CREATE "{'Image': 'postgres', 'HostConfig': {'Binds': ['bound:/var/lib/postgresql']}}", "mount",
    "bound" },
  { CREATE "{'HostConfig': {'Binds': ['media:/srv/media']}}", NULL, NULL },
  /* Other containers' volumes. */
  { CREATE "{'HostConfig': {'VolumesFrom': ['db']}}", "mount", "pgdata" },
  { CREATE "{'HostConfig': {'VolumesFrom': ['db:ro']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'VolumesFrom': ['anon:ro'], 'AutoRemove': true}}", "anonymous-volume",
    ANON },
  { CREATE "{'HostConfig': {'VolumesFrom': ['free']}}", NULL, NULL },
  /* The host's folders. */
  { CREATE "{'HostConfig': {'Binds': ['@/work:/x']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': ['@/work/not/there:/x']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': ['@/docker:/x']}}", "host-path", NULL },
  { CREATE "{'HostConfig': {'Binds': ['@/docker:/x:ro']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'Binds': ['/:/x']}}", "host-path", NULL },
  { CREATE "{'HostConfig': {'Binds': ['@:/x']}}", "host-path", NULL },
  { CREATE "{'HostConfig': {'Binds': ['@/docker/volumes/plain/_data:/x']}}", "host-path",
    "sneaky" },
  { CREATE "{'HostConfig': {'Binds': ['@/docker/volumes/pgdata/_data:/x']}}", "host-path",
    "pgdata" },
  { CREATE "{'HostConfig': {'Binds': ['@/docker/volumes/pgdata/_data/base:/x']}}", "host-path",
    "pgdata" },
  { CREATE "{'HostConfig': {'Binds': ['@/work/../docker/volumes:/x']}}", "host-path", "pgdata" },
  { CREATE "{'HostConfig': {'Binds': ['@/work/link/plain:/x']}}", "host-path", "sneaky" },
  { CREATE "{'HostConfig': {'Binds': ['/proc/self/root@/docker/volumes/plain:/x']}}", "host-path",
    "sneaky" },
  { CREATE "{'HostConfig': {'Binds': ['@/srv/pg:/x']}}", "host-path", "bound" },
  { CREATE "{'HostConfig': {'Binds': ['@/srv:/x']}}", "host-path", "bound" },
  { CREATE "{'HostConfig': {'Binds': ['@/state:/x']}}", "host-path", NULL },
  { CREATE "{'HostConfig': {'Mounts': [{'Type': 'bind', 'Source': '@/docker', 'Target': '/x'}]}}",
    "host-path", NULL },
  { CREATE "{'HostConfig': {'Mounts': [{'Type': 'volume', 'Source': 'n', 'Target': '/x', "
           "'VolumeOptions': {'DriverConfig': {'Options': {'type': 'none', 'o': 'bind', 'device': "
           "'@/docker/volumes'}}}}]}}",
    "host-path", "pgdata" },
  { CREATE "{'HostConfig': {'Binds': ['sneaky:/x']}}", "host-path", NULL },
  { CREATE "{'HostConfig': {'Binds': ['sneaky:/x:ro']}}", NULL, NULL },
  { "POST /volumes/create {'Name': 'n'}", NULL, NULL },
  { "POST /volumes/create {'Name': 'pgdata'}", NULL, NULL },
  { "POST /volumes/create {'Name': 'pgdata', 'DriverOpts': {'device': '/tmp'}}", "volume-create",
    "pgdata" },
  { "POST /volumes/create {'Name': 'n', 'DriverOpts': {'o': 'bind', 'device': "
    "'@/docker/volumes/pgdata/_data'}}",
    "host-path", "pgdata" },
  { "POST /volumes/create {'Name': 'n', 'DriverOpts': {'o': 'bind', 'device': '@/work'}}", NULL,
    NULL },
  { "POST /volumes/create {'Name': 'n', 'DriverOpts': {'type': 'overlay', 'device': 'overlay', "
    "'o': 'lowerdir=@/work,upperdir=@/docker/volumes,workdir=@/work'}}",
    "host-path", "pgdata" },
  { "POST /volumes/create {'Name': 'n', 'DriverOpts': {'type': 'nfs', 'o': 'addr=10.0.0.1,rw', "
    "'device': ':/'}}",
    NULL, NULL },
  { "POST /services/create {'TaskTemplate': {'ContainerSpec': {'Mounts': [{'Type': 'volume', "
    "'Source': 'pgdata', 'Target': '/x'}]}}}",
    "mount", "pgdata" },
  { "PUT /containers/db/archive?path=/", "archive-put", "pgdata" },
  { "PUT /containers/db/archive?path=/var/lib/postgresql/data/base", "archive-put", "pgdata" },
  { "PUT /containers/db/archive?path=tmp/../var/lib", "archive-put", "pgdata" },
  { "PUT /containers/db/archive?path=/tmp", NULL, NULL },
  { "PUT /containers/db/archive?path=/var/lib/postgresql/data2", NULL, NULL },
  { "PUT /containers/free/archive?path=/", NULL, NULL },
  { "DELETE /plugins/pgkeel", "plugin", NULL },
  { "POST /plugins/x%2Fpgkeel:latest/disable", "plugin", NULL },
  { "DELETE /plugins/other", "plugin", NULL },
  { "DELETE /plugins/harmless", NULL, NULL },
  { "DELETE /plugins/keeper:latest", "plugin", "team-a" },
  { "POST /plugins/pull?remote=x", NULL, NULL },
  { "POST /containers/db/exec {'Privileged': true}", NULL, NULL },
  { CREATE "{'HostConfig': {'Privileged': true}}", NULL, NULL },
  { "POST /swarm/leave?force=1", NULL, NULL },
};

static const Case strict_cases[] = {
  { CREATE "{'HostConfig': {'Privileged': true}}", "privileged", NULL },
  { CREATE "{'Privileged': true}", "privileged", NULL },
  { CREATE "{'HostConfig': {'CapAdd': ['cap_sys_admin']}}", "privileged", NULL },
  { CREATE "{'HostConfig': {'CapAdd': ['ALL']}}", "privileged", NULL },
  { CREATE "{'HostConfig': {'CapAdd': ['NET_ADMIN']}}", NULL, NULL },
  { CREATE "{'HostConfig': {'PidMode': 'host'}}", "privileged", NULL },
  { CREATE "{'HostConfig': {'PidMode': 'container:db'}}", "privileged", "pgdata" },
  { CREATE "{'HostConfig': {'PidMode': 'container:free'}}", NULL, NULL },
  { CREATE "{'HostConfig': {'PidMode': 'container:reader'}}", NULL, NULL },
  { CREATE "{'HostConfig': {'Devices': [{'PathOnHost': '/dev/sda'}]}}", "privileged", NULL },
  { CREATE "{'HostConfig': {'Binds': ['/var/run/docker.sock:/s:ro']}}", "socket", NULL },
  { CREATE "{'HostConfig': {'Binds': ['/run:/r:ro']}}", "socket", NULL },
  { CREATE "{'HostConfig': {'Binds': ['@/work:/x']}}", NULL, NULL },
  { "POST /containers/db/exec {'Privileged': true}", "privileged", NULL },
  { "POST /containers/db/exec {'Cmd': ['ls']}", NULL, NULL },
  { "POST /containers/db/exec", "opaque", NULL },
  { "POST /plugins/pull?remote=x", "plugin", NULL },
  { "PUT /containers/db/archive?path=/tmp", "archive-put", "pgdata" },
  { "PUT /containers/free/archive?path=/tmp", NULL, NULL },
};

/* While the Engine does not answer, what destroys is refused. */
static const Case down_cases[] = {
  { "GET /volumes/x", NULL, NULL },
  { "POST /containers/db/start", NULL, NULL },
  { CREATE "{'Image': 'x'}", NULL, NULL },
  { "DELETE /images/x", NULL, NULL },
  { "DELETE /volumes/plain", "unknown", NULL },
  { "POST /volumes/prune", "unknown", NULL },
  { "DELETE /containers/free?v=1", "unknown", NULL },
  { CREATE "{'HostConfig': {'Binds': ['plain:/x']}}", "unknown", NULL },
  { CREATE "{'HostConfig': {'Binds': ['/etc:/x']}}", "unknown", NULL },
  { "PUT /containers/db/archive?path=/", "unknown", NULL },
  { "POST /swarm/leave", "unknown", NULL },
};

static void
judge_case (const Case *one, const char *folder, GuardPolicy *policy, GuardEngine *engine)
{
  g_autofree char *text = expand (one->request, folder);
  g_auto (GStrv) parts = g_strsplit (text, " ", 3);
  GuardRequest request = {
    .method = parts[0],
    .uri = parts[1],
    .headers = json_pack ("{s:s}", "Content-Length", parts[2] == NULL ? "0" : "1"),
    .body = parts[2],
    .body_length = parts[2] != NULL ? strlen (parts[2]) : 0,
  };
  g_auto (GuardOperation) operation = { 0 };
  g_auto (GuardVerdict) verdict = { 0 };
  guard_request_operation (&request, &operation);
  guard_judge (policy, engine, &operation, true, &verdict);
  json_decref (request.headers);
  if (verdict.is_allowed != (one->rule == NULL))
    fail_msg ("%s: %s (%s)", text, verdict.is_allowed ? "allowed" : "refused",
              verdict.reason != NULL ? verdict.reason : "");
  if (verdict.is_allowed)
    return;
  assert_non_null (verdict.reason);
  assert_null (strchr (verdict.reason, '\n'));
  if (strcmp (verdict.rule, one->rule) != 0 || g_strcmp0 (verdict.volume, one->volume) != 0)
    fail_msg ("%s: %s, %s: %s", text, verdict.rule, verdict.volume, verdict.reason);
}

static GuardPolicy *
make_policy (const char *folder, bool is_strict)
{
  char *protect[] = { "team-*", NULL };
  ProjectGuard settings
      = { .label = "com.ledgerflow.protect=true", .protect = protect, .is_strict = is_strict };
  g_autofree char *own = g_build_filename (folder, "state", NULL);
  GuardPolicy *policy = guard_policy_new (&settings, NULL);
  guard_policy_protect_self (policy, "pgkeel", (const char *const[]){ own, NULL });
  return policy;
}

static void
judge_cases (const char *folder, const Case *list, size_t count, bool is_strict, bool is_down)
{
  g_autofree char *text = expand (engine_text, folder);
  g_autoptr (json_t) answers = json_loads (text, 0, NULL);
  FakeEngine engine = { .engine = { .get = fake_get }, .answers = answers, .is_down = is_down };
  g_autoptr (GuardPolicy) policy = make_policy (folder, is_strict);
  assert_non_null (answers);
  for (size_t i = 0; i < count; i++)
    judge_case (&list[i], folder, policy, &engine.engine);
}

static void
test_cases (void **state)
{
  judge_cases (*state, cases, G_N_ELEMENTS (cases), false, false);
}

static void
test_strict (void **state)
{
  judge_cases (*state, strict_cases, G_N_ELEMENTS (strict_cases), true, false);
}

static void
test_down (void **state)
{
  judge_cases (*state, down_cases, G_N_ELEMENTS (down_cases), false, true);
}

/* What only command lines say, on an Engine of this host and on one elsewhere, whose files are not to be seen. */
static void
test_commands (void **state)
{
  static const struct
  {
    GuardOperation operation;
    bool is_remote;
    const char *rule; /* NULL: allowed */
    bool is_attempt;
  } commands[] = {
    { { .act = GUARD_VOLUME_REMOVE, .name = (char *) "plain" }, false, NULL, false },
    { { .act = GUARD_VOLUME_REMOVE, .name = (char *) "plain" }, true, "volume-remove", false },
    { { .act = GUARD_VOLUME_REMOVE, .name = (char *) "pgdata" }, true, "volume-remove", false },
    { { .act = GUARD_VOLUME_REMOVE, .name = (char *) "media" }, true, "volume-remove", true },
    { { .act = GUARD_VOLUME_REMOVE, .name = (char *) "pgdata", .verb = "recreate" },
      false,
      "volume-recreate",
      false },
    { { .act = GUARD_VOLUME_REMOVE, .name = (char *) "plain", .verb = "recreate" },
      false,
      NULL,
      false },
    { { .act = GUARD_COMPOSE_DOWN, .project = (char *) "shop", .removes_volumes = true },
      false,
      "compose-down",
      true },
    { { .act = GUARD_COMPOSE_DOWN, .project = (char *) "shop", .removes_volumes = true },
      true,
      "compose-down",
      false },
    { { .act = GUARD_COMPOSE_DOWN, .project = (char *) "none", .removes_volumes = true },
      true,
      NULL,
      false },
    { { .act = GUARD_CONTAINER_RENEW, .name = (char *) "anon" }, false, "anonymous-volume", true },
    { { .act = GUARD_CONTAINER_RENEW, .name = (char *) "db" }, false, NULL, false },
  };
  g_autofree char *text = expand (engine_text, *state);
  g_autoptr (json_t) answers = json_loads (text, 0, NULL);
  FakeEngine engine = { .engine = { .get = fake_get }, .answers = answers };
  g_autoptr (GuardPolicy) policy = make_policy (*state, false);
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_auto (GuardVerdict) verdict = { 0 };
      guard_policy_set_remote (policy, commands[i].is_remote);
      guard_judge (policy, &engine.engine, &commands[i].operation, true, &verdict);
      if (verdict.is_allowed != (commands[i].rule == NULL)
          || (!verdict.is_allowed && strcmp (verdict.rule, commands[i].rule) != 0)
          || verdict.is_attempt != commands[i].is_attempt)
        fail_msg ("%zu: %s: %s", i, verdict.rule, verdict.reason);
    }
}

static void
test_volumes (void **state)
{
  g_autofree char *text = expand (engine_text, *state);
  g_autoptr (json_t) answers = json_loads (text, 0, NULL);
  FakeEngine engine = { .engine = { .get = fake_get }, .answers = answers };
  g_autoptr (GuardPolicy) policy = make_policy (*state, false);
  g_autoptr (GPtrArray) volumes = NULL;
  assert_true (guard_volumes_read (policy, &engine.engine, &volumes, NULL));
  assert_int_equal (volumes->len, 10);
  const GuardVolume *first = volumes->pdata[0];
  assert_string_equal (first->name, ANON);
  assert_true (first->is_anonymous);
  assert_string_equal (first->postgres, "17");
  const GuardVolume *lone = volumes->pdata[4];
  assert_string_equal (lone->name, "lone");
  assert_string_equal (lone->postgres, "17");
  assert_int_equal (lone->container->len, 0);
  const GuardVolume *pgdata = volumes->pdata[6];
  assert_string_equal (pgdata->name, "pgdata");
  assert_string_equal (pgdata->project, "shop");
  assert_string_equal (pgdata->container->pdata[0], "db");
  assert_true (guard_volume_is_protected (pgdata));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_cases, make_engine_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_strict, make_engine_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_down, make_engine_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_commands, make_engine_folder, remove_test_folder),
    cmocka_unit_test_setup_teardown (test_volumes, make_engine_folder, remove_test_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
