/* Command lines of docker and compose, and what each will do to the Engine. */
#include "../testing.h"
#include "guard/arguments.h"

#include <string.h>

typedef struct
{
  const char *line;     /* as a shell would read it */
  const char *expected; /* as describe() says it */
} Case;

static void
say_array (GString *text, const char *name, const json_t *array)
{
  if (json_array_size (array) == 0)
    return;
  g_autofree char *dump = json_dumps (array, JSON_COMPACT | JSON_SORT_KEYS);
  g_string_append_printf (text, " %s=%s", name, dump);
}

static void
say_object (GString *text, const char *name, const json_t *object)
{
  if (json_object_size (object) == 0)
    return;
  g_autofree char *dump = json_dumps (object, JSON_COMPACT | JSON_SORT_KEYS);
  g_string_append_printf (text, " %s=%s", name, dump);
}

static void
say_text (GString *text, const char *name, const char *value)
{
  if (value != NULL && *value != '\0')
    g_string_append_printf (text, " %s=%s", name, value);
}

static void
say_container (GString *text, const json_t *spec)
{
  const json_t *host = json_object_get (spec, "HostConfig");
  say_text (text, "image", json_string_value (json_object_get (spec, "Image")));
  say_array (text, "binds", json_object_get (host, "Binds"));
  say_array (text, "mounts", json_object_get (host, "Mounts"));
  say_array (text, "from", json_object_get (host, "VolumesFrom"));
  say_array (text, "devices", json_object_get (host, "Devices"));
  say_array (text, "caps", json_object_get (host, "CapAdd"));
  say_object (text, "tmpfs", json_object_get (host, "Tmpfs"));
  say_object (text, "volumes", json_object_get (spec, "Volumes"));
  say_object (text, "labels", json_object_get (spec, "Labels"));
  say_text (text, "pid", json_string_value (json_object_get (host, "PidMode")));
  say_text (text, "driver", json_string_value (json_object_get (host, "VolumeDriver")));
  if (json_is_true (json_object_get (host, "Privileged")))
    g_string_append (text, " privileged");
  if (json_is_true (json_object_get (host, "AutoRemove")))
    g_string_append (text, " autoremove");
}

static void
say_operation (GString *text, const GuardOperation *operation)
{
  g_string_append (text, guard_act_name (operation->act));
  if (operation->name != NULL)
    g_string_append_printf (text, " %s", operation->name);
  if (operation->force)
    g_string_append (text, " force");
  if (operation->removes_volumes)
    g_string_append (text, " volumes");
  if (operation->takes_named)
    g_string_append (text, " named");
  say_text (text, "path", operation->path);
  say_text (text, "detail", operation->detail);
  say_object (text, "filters", operation->filters);
  if (operation->act == GUARD_CONTAINER_CREATE)
    say_container (text, operation->spec);
  else if (operation->act == GUARD_CONTAINER_EXEC)
    {
      if (json_is_true (json_object_get (operation->spec, "Privileged")))
        g_string_append (text, " privileged");
    }
  else if (operation->act == GUARD_SERVICE_CHANGE)
    say_array (text, "mounts",
               json_object_get (json_object_get (json_object_get (operation->spec, "TaskTemplate"),
                                                 "ContainerSpec"),
                                "Mounts"));
  else
    say_object (text, "spec", operation->spec);
}

/* "r" for reading, "w" for all others, then the operations. Caller frees. */
static char *
describe (const GuardCommand *command)
{
  static const char *const containers[] = { "", " | remove-volumes", " | renew-volumes" };
  GString *text = g_string_new (command->is_reading ? "r" : "w");
  for (guint i = 0; i < command->operations->len; i++)
    {
      g_string_append (text, i == 0 ? " " : "; ");
      say_operation (text, command->operations->pdata[i]);
    }
  g_string_append (text, containers[command->containers]);
  for (size_t i = 0; command->services[i] != NULL; i++)
    g_string_append_printf (text, " %s", command->services[i]);
  return g_string_free (text, FALSE);
}

static void
read_line (const char *line, GuardCommand *ret_command)
{
  g_auto (GStrv) words = NULL;
  g_autoptr (GError) error = NULL;
  g_shell_parse_argv (line, NULL, &words, &error);
  assert_no_error (error);
  GuardProgram program
      = strcmp (words[0], "docker") == 0 ? GUARD_PROGRAM_DOCKER : GUARD_PROGRAM_COMPOSE;
  guard_arguments_read (program, words + 1, "/srv/app", ret_command);
}

static void
check_cases (const Case *cases, size_t count)
{
  for (size_t i = 0; i < count; i++)
    {
      g_auto (GuardCommand) command = { 0 };
      read_line (cases[i].line, &command);
      g_autofree char *said = describe (&command);
      if (strcmp (said, cases[i].expected) != 0)
        fail_msg ("%s\n  expected: %s\n  said:     %s", cases[i].line, cases[i].expected, said);
    }
}

static void
test_volumes (void **state)
{
  (void) state;
  static const Case cases[] = {
    { "docker volume rm pg", "w volume-remove pg" },
    { "docker volume remove pg", "w volume-remove pg" },
    { "docker volume rm -f pg", "w volume-remove pg force" },
    { "docker volume rm pg -f", "w volume-remove pg force" },
    { "docker volume rm --force pg", "w volume-remove pg force" },
    { "docker volume rm --force=false pg", "w volume-remove pg" },
    { "docker volume rm --force=maybe pg", "w volume-remove pg force" },
    { "docker volume rm a b c", "w volume-remove a; volume-remove b; volume-remove c" },
    { "docker volume rm -- -odd", "w volume-remove -odd" },
    { "docker volume rm", "w" },
    { "docker volume rm --help pg", "r" },
    { "docker volume rm pg --help=false", "w volume-remove pg" },
    { "docker volume rm --newer pg", "w volume-remove pg" },
    { "docker volume --x rm pg", "w volume-remove pg" },
    { "docker volume --help rm pg", "r" },
    { "docker volume", "r" },
    { "docker volume ls -q", "r" },
    { "docker volume inspect pg", "r" },
    { "docker volume prune", "w volume-prune" },
    { "docker volume prune -f", "w volume-prune force" },
    { "docker volume prune -af", "w volume-prune force named" },
    { "docker volume prune --all", "w volume-prune named" },
    { "docker volume prune --all=0", "w volume-prune" },
    { "docker volume prune --filter all=1", "w volume-prune named filters={\"all\":[\"1\"]}" },
    { "docker volume prune --filter all=false", "w volume-prune filters={\"all\":[\"false\"]}" },
    { "docker volume prune --filter label!=keep --filter label=a=b",
      "w volume-prune filters={\"label\":[\"a=b\"],\"label!\":[\"keep\"]}" },
    { "docker volume prune --help", "r" },
    { "docker system prune", "w" },
    { "docker system prune -a", "w" },
    { "docker system prune -af", "w" },
    { "docker system prune --volumes", "w volume-prune" },
    { "docker system prune -af --volumes", "w volume-prune force" },
    { "docker system prune --volumes=true", "w volume-prune" },
    { "docker system prune --volumes=false", "w" },
    { "docker system prune --volumes --filter label=x",
      "w volume-prune filters={\"label\":[\"x\"]}" },
    { "docker system prune --volumes --filter all=true",
      "w volume-prune named filters={\"all\":[\"true\"]}" },
    { "docker system df", "r" },
    { "docker volume create pg",
      "w volume-create pg spec={\"Driver\":\"local\",\"DriverOpts\":{},\"Labels\":{},\"Name\":\"pg\"}" },
    { "docker volume create --name pg -d nfs --label a=b --label c",
      "w volume-create pg spec={\"Driver\":\"nfs\",\"DriverOpts\":{},\"Labels\":{\"a\":\"b\","
      "\"c\":\"\"},\"Name\":\"pg\"}" },
    { "docker volume create -o type=none -o o=bind --opt device=/data x",
      "w volume-create x spec={\"Driver\":\"local\",\"DriverOpts\":{\"device\":\"/data\",\"o\":\"bind\","
      "\"type\":\"none\"},\"Labels\":{},\"Name\":\"x\"}" },
    { "docker volume create",
      "w volume-create spec={\"Driver\":\"local\",\"DriverOpts\":{},\"Labels\":{}"
      ",\"Name\":null}" },
    { "docker volume update --availability drain pg",
      "w volume-update pg spec={\"Spec\":{\"Availability\":\"drain\"}}" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_containers (void **state)
{
  (void) state;
  static const Case cases[] = {
    { "docker rm c", "w container-remove c" },
    { "docker rm -v c", "w container-remove c volumes" },
    { "docker rm -fv c d", "w container-remove c force volumes; container-remove d force volumes" },
    { "docker rm -vf c", "w container-remove c force volumes" },
    { "docker rm --volumes=true c", "w container-remove c volumes" },
    { "docker rm --volumes=false c", "w container-remove c" },
    { "docker rm -v=false c", "w container-remove c" },
    { "docker rm -fv=false c", "w container-remove c force" },
    { "docker rm -v -v=0 c", "w container-remove c" },
    { "docker rm -v=0 -v c", "w container-remove c volumes" },
    { "docker rm --link /a/b", "w" },
    { "docker container rm -v c", "w container-remove c volumes" },
    { "docker container remove c", "w container-remove c" },
    { "docker container --debug=1 rm -v c", "w container-remove c volumes" },
    { "docker container prune -f", "w" },
    { "docker container rm --help c", "r" },
    { "docker kill -s HUP c", "w container-stop c" },
    { "docker stop -t 1 c d", "w container-stop c; container-stop d" },
    { "docker container stop --time=3 c", "w container-stop c" },
    { "docker service rm s t", "w service-change s; service-change t" },
    { "docker start c", "w" },
    { "docker ps -a", "r" },
    { "docker container ls", "r" },
    { "docker logs -f c", "r" },
    { "docker inspect c", "r" },
    { "docker stats", "r" },
    { "docker images", "r" },
    { "docker rmi x", "w" },
    { "docker pull postgres:17", "w" },
    { "docker build -t x .", "w" },
    { "docker exec c psql", "w container-exec c" },
    { "docker exec -it c bash -c 'rm -rf /x'", "w container-exec c" },
    { "docker exec --privileged c sh", "w container-exec c privileged" },
    { "docker exec -u root --privileged=false c sh", "w container-exec c" },
    { "docker exec c sh --privileged", "w container-exec c" },
    { "docker exec -ite A=b --privileged c sh", "w container-exec c privileged" },
    { "docker exec --newer c sh", "w container-exec sh" },
    { "docker exec", "w" },
    { "docker cp x c:/var/lib/postgresql/data", "w archive-put c path=/var/lib/postgresql/data" },
    { "docker cp - c:/x", "w archive-put c path=/x" },
    { "docker cp -a x c:rel/x", "w archive-put c path=/rel/x" },
    { "docker cp c:/x .", "w" },
    { "docker cp c:/x ./a:b", "w" },
    { "docker cp c:/x /a:b", "w" },
    { "docker container cp x c:/y", "w archive-put c path=/y" },
    { "docker cp x", "w" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_run (void **state)
{
  (void) state;
  static const Case cases[] = {
    { "docker run alpine", "w container-create image=alpine" },
    { "docker run -v pg:/data alpine", "w container-create image=alpine binds=[\"pg:/data\"]" },
    { "docker run -vpg:/data alpine", "w container-create image=alpine binds=[\"pg:/data\"]" },
    { "docker run -v=pg:/data alpine", "w container-create image=alpine binds=[\"pg:/data\"]" },
    { "docker run -itv pg:/data:ro alpine",
      "w container-create image=alpine binds=[\"pg:/data:ro\"]" },
    { "docker run --rm -it --volume pg:/d alpine sh -v x:/y",
      "w container-create image=alpine binds=[\"pg:/d\"] autoremove" },
    { "docker run --volume=pg:/d alpine", "w container-create image=alpine binds=[\"pg:/d\"]" },
    { "docker run -v ./x:/d alpine", "w container-create image=alpine binds=[\"/srv/app/x:/d\"]" },
    { "docker run -v ../../var:/d alpine", "w container-create image=alpine binds=[\"/var:/d\"]" },
    { "docker run -v /data alpine", "w container-create image=alpine volumes={\"/data\":{}}" },
    { "docker run --tmpfs /run:size=1m alpine",
      "w container-create image=alpine tmpfs={\"/run\":\"size=1m\"}" },
    { "docker run --mount type=volume,source=pg,target=/d alpine",
      "w container-create image=alpine "
      "mounts=[{\"Source\":\"pg\",\"Target\":\"/d\",\"Type\":\"volume\"}]" },
    { "docker run --mount src=pg,dst=/d,ro alpine",
      "w container-create image=alpine "
      "mounts=[{\"ReadOnly\":true,\"Source\":\"pg\",\"Target\":\"/d\",\"Type\":\"volume\"}]" },
    { "docker run --mount TYPE=Bind,Source=./x,destination=/d,readonly=false alpine",
      "w container-create image=alpine "
      "mounts=[{\"ReadOnly\":false,\"Source\":\"/srv/app/x\",\"Target\":\"/d\",\"Type\":\"bind\"}]" },
    { "docker run --mount 'type=volume,\"source=p,g\",target=/d' alpine",
      "w container-create image=alpine "
      "mounts=[{\"Source\":\"p,g\",\"Target\":\"/d\",\"Type\":\"volume\"}]" },
    { "docker run --mount 'src=\"\"pg,dst=/d' alpine",
      "w container-create image=alpine "
      "mounts=[{\"Source\":\"\\\"\\\"pg\",\"Target\":\"/d\",\"Type\":\"volume\"}]" },
    { "docker run --mount "
      "'src=n,dst=/d,volume-driver=local,\"volume-opt=o=bind,rw\",volume-opt=device=/var' alpine",
      "w container-create image=alpine mounts=[{\"Source\":\"n\",\"Target\":\"/d\",\"Type\":\"volume\","
      "\"VolumeOptions\":{\"DriverConfig\":{\"Name\":\"local\",\"Options\":{\"device\":\"/var\","
      "\"o\":\"bind,rw\"}}}}]" },
    { "docker run --volumes-from db:ro alpine",
      "w container-create image=alpine from=[\"db:ro\"]" },
    { "docker run --privileged alpine", "w container-create image=alpine privileged" },
    { "docker run --privileged=false alpine", "w container-create image=alpine" },
    { "docker run alpine --privileged", "w container-create image=alpine" },
    { "docker run --name x -e A=b --device /dev/sda:/x --cap-add SYS_ADMIN --pid host alpine",
      "w container-create x image=alpine devices=[{\"PathOnHost\":\"/dev/sda\"}] "
      "caps=[\"SYS_ADMIN\"] pid=host" },
    { "docker run --volume-driver nfs -l a=b alpine",
      "w container-create image=alpine labels={\"a\":\"b\"} driver=nfs" },
    { "docker run --use-api-socket alpine",
      "w container-create image=alpine mounts=[{\"Source\":\"/var/run/docker.sock\",\"Target\":"
      "\"/var/run/docker.sock\",\"Type\":\"bind\"}]" },
    { "docker run --brand-new value -v pg:/d alpine",
      "w container-create image=alpine binds=[\"pg:/d\"]" },
    { "docker run --brand-new -v pg:/d alpine",
      "w container-create image=alpine binds=[\"pg:/d\"]" },
    { "docker run -- alpine -v pg:/d", "w container-create image=alpine" },
    { "docker run -h db alpine", "w container-create image=alpine" },
    { "docker run --help", "r" },
    { "docker run alpine --help", "w container-create image=alpine" },
    { "docker run", "w container-create" },
    { "docker create -v pg:/d alpine", "w container-create image=alpine binds=[\"pg:/d\"]" },
    { "docker container run -v pg:/d alpine", "w container-create image=alpine binds=[\"pg:/d\"]" },
    { "docker container create --rm alpine", "w container-create image=alpine autoremove" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_globals_and_others (void **state)
{
  (void) state;
  static const Case cases[] = {
    { "docker", "r" },
    { "docker --help", "r" },
    { "docker -v", "r" },
    { "docker --version", "r" },
    { "docker help volume rm", "r" },
    { "docker version", "r" },
    { "docker info", "r" },
    { "docker -H unix:///x volume rm pg", "w volume-remove pg" },
    { "docker -Hunix:///x volume rm pg", "w volume-remove pg" },
    { "docker --host=tcp://h:1 -D volume rm pg", "w volume-remove pg" },
    { "docker --context prod -l debug --tls volume rm pg", "w volume-remove pg" },
    { "docker -Dc prod volume rm pg", "w volume-remove pg" },
    { "docker --config /x --tlscacert a --tlscert b --tlskey c --tlsverify volume rm pg",
      "w volume-remove pg" },
    { "docker -- volume rm pg", "w volume-remove pg" },
    { "docker scout quickview", "w" },
    { "docker nonsense rm pg", "w" },
    { "docker plugin rm a b", "w plugin-change a; plugin-change b" },
    { "docker plugin remove -f a", "w plugin-change a force" },
    { "docker plugin disable -f pgkeel", "w plugin-change pgkeel force" },
    { "docker plugin set a B=c", "w plugin-change a" },
    { "docker plugin upgrade a b:2", "w plugin-change a" },
    { "docker plugin ls", "r" },
    { "docker plugin enable a", "w" },
    { "docker swarm leave", "w swarm-leave" },
    { "docker swarm leave --force", "w swarm-leave force" },
    { "docker swarm init", "w" },
    { "docker service create --name s --mount src=pg,dst=/d alpine",
      "w service-change s mounts=[{\"Source\":\"pg\",\"Target\":\"/d\",\"Type\":\"volume\"}]" },
    { "docker service create --replicas 2 --mount src=pg,dst=/d alpine sh",
      "w service-change mounts=[{\"Source\":\"pg\",\"Target\":\"/d\",\"Type\":\"volume\"}]" },
    { "docker service update --mount-add src=pg,dst=/d s",
      "w service-change s mounts=[{\"Source\":\"pg\",\"Target\":\"/d\",\"Type\":\"volume\"}]" },
    { "docker service update s --force", "w service-change s" },
    { "docker service ls", "r" },
    { "docker stack deploy -c a.yml x", "w" },
    { "docker stack rm x", "w" },
    { "docker stack ps x", "r" },
    { "docker context ls", "r" },
    { "docker builder prune -af", "w" },
    { "docker buildx prune --all", "w" },
    { "docker image prune -a", "w" },
    { "docker network prune", "w" },
    { "docker network ls", "r" },
    { "docker login -u a -p b", "w" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_compose (void **state)
{
  (void) state;
  static const Case cases[] = {
    { "docker compose", "r" },
    { "docker compose --help", "r" },
    { "docker compose version", "r" },
    { "docker compose ps", "r" },
    { "docker compose logs -f db", "r" },
    { "docker compose config --volumes", "r" },
    { "docker compose up -d", "w" },
    { "docker compose down", "w" },
    { "docker compose down -v", "w compose-down volumes" },
    { "docker compose down --volumes", "w compose-down volumes" },
    { "docker compose down --volumes=true", "w compose-down volumes" },
    { "docker compose down --volumes=false", "w" },
    { "docker compose down -v=0", "w" },
    { "docker compose down -t 5 -v", "w compose-down volumes" },
    { "docker compose down -vt 5", "w compose-down volumes" },
    { "docker compose down -t5 -v", "w compose-down volumes" },
    { "docker compose down --rmi all --remove-orphans -v db", "w compose-down volumes" },
    { "docker compose down --rmi local", "w" },
    { "docker compose -f a.yml -f b.yml -p x down -v", "w compose-down volumes" },
    { "docker compose --file=a.yml --project-name=x --profile all down -v",
      "w compose-down volumes" },
    { "docker compose --project-directory /x --env-file y --ansi never --parallel 3 down -v",
      "w compose-down volumes" },
    { "docker compose --compatibility --progress plain down -v", "w compose-down volumes" },
    { "docker compose --dry-run down -v", "r" },
    { "docker compose down --dry-run -v", "r" },
    { "docker compose --dry-run=false down -v", "w compose-down volumes" },
    { "docker compose down -v --help", "r" },
    { "docker -H unix:///x compose down -v", "w compose-down volumes" },
    { "docker compose rm", "w" },
    { "docker compose rm -v", "w | remove-volumes" },
    { "docker compose rm -sfv db", "w | remove-volumes db" },
    { "docker compose rm -fs db", "w" },
    { "docker compose up -V", "w | renew-volumes" },
    { "docker compose up -dV db web", "w | renew-volumes db web" },
    { "docker compose up --renew-anon-volumes --scale web=2 db", "w | renew-volumes db" },
    { "docker compose run --rm web sh", "w container-create image=web autoremove" },
    { "docker compose run -v pg:/x web sh -c 'ls -v'",
      "w container-create image=web binds=[\"pg:/x\"]" },
    { "docker compose run -T -e A=b --no-deps --volume=pg:/x web",
      "w container-create image=web binds=[\"pg:/x\"]" },
    { "docker compose exec db psql", "w container-exec db" },
    { "docker compose exec -T --privileged db sh", "w container-exec db privileged" },
    { "docker compose cp x db:/y", "w archive-put db path=/y" },
    { "docker compose cp db:/y x", "w" },
    { "docker compose stop", "w" },
    { "docker compose kill", "w" },
    { "docker compose pull", "w" },
    { "docker-compose down -v", "w compose-down volumes" },
    { "docker-compose down --vol", "w compose-down volumes" },
    { "docker-compose -f a.yml down --volumes -t 1", "w compose-down volumes" },
    { "docker-compose --fi a.yml --project-n x down -v", "w compose-down volumes" },
    { "docker-compose -H tcp://x -c prod down -v", "w compose-down volumes" },
    { "docker-compose rm -fv", "w | remove-volumes" },
    { "docker-compose up -d --renew", "w | renew-volumes" },
    { "docker-compose ps", "r" },
    { "docker-compose --version", "r" },
    { "docker-compose -- down -v", "w compose-down volumes" },
  };
  check_cases (cases, G_N_ELEMENTS (cases));
}

static void
assert_words (char *const *words, const char *expected)
{
  g_autofree char *joined = g_strjoinv (" ", (char **) words);
  assert_string_equal (joined, expected);
}

static void
test_where_it_works (void **state)
{
  (void) state;
  g_auto (GuardCommand) one = { 0 }, two = { 0 }, three = { 0 }, four = { 0 };
  read_line ("docker -H unix:///x --config=/c compose -f a.yml -f b/c.yml -p Shop --env-file e "
             "--project-directory /p down -v",
             &one);
  assert_string_equal (one.host, "unix:///x");
  assert_string_equal (one.config, "/c");
  assert_null (one.context);
  assert_true (one.is_compose);
  assert_string_equal (one.command, "compose down");
  assert_words (one.files, "a.yml b/c.yml");
  assert_words (one.env_files, "e");
  assert_string_equal (one.project_name, "Shop");
  assert_string_equal (one.project_folder, "/p");

  read_line ("docker -c prod rm x", &two);
  assert_string_equal (two.context, "prod");
  assert_string_equal (two.command, "container rm");
  assert_false (two.is_compose);

  read_line ("docker-compose -c prod -H tcp://x:1 up", &three);
  assert_string_equal (three.context, "prod");
  assert_string_equal (three.host, "tcp://x:1");
  assert_string_equal (three.command, "compose up");

  read_line ("docker stack deploy -c a.yml --compose-file b.yml s", &four);
  assert_words (four.files, "a.yml b.yml");
}

/* What is no UTF-8 could be a path that is not the one we would look at. */
static void
test_invalid_bytes (void **state)
{
  (void) state;
  char *const create[] = { "run", "-v", "/\xff:/d", "alpine", NULL };
  char *const exec[] = { "exec", "db", "echo", "\xe9", NULL };
  g_auto (GuardCommand) one = { 0 }, two = { 0 };
  guard_arguments_read (GUARD_PROGRAM_DOCKER, create, "/", &one);
  g_autofree char *said = describe (&one);
  assert_string_equal (said,
                       "w opaque detail=its arguments are no valid UTF-8 "
                       "spec={\"Cmd\":[],\"HostConfig\":{\"AutoRemove\":false,\"Binds\":"
                       "[\"/\\\\xff:/d\"],\"CapAdd\":[],\"Devices\":[],\"Mounts\":[],"
                       "\"PidMode\":\"\",\"Privileged\":false,\"SecurityOpt\":[],\"Tmpfs\":{},"
                       "\"UsernsMode\":\"\",\"VolumeDriver\":\"\",\"VolumesFrom\":[]},"
                       "\"Image\":\"alpine\",\"Labels\":{},\"Volumes\":{}}");
  guard_arguments_read (GUARD_PROGRAM_DOCKER, exec, "/", &two);
  g_autofree char *exec_said = describe (&two);
  assert_string_equal (exec_said, "w container-exec db");
}

static void
test_what_was_given (void **state)
{
  (void) state;
  static const struct
  {
    const char *line, *given;
  } cases[] = {
    { "docker run -e POSTGRES_PASSWORD=hunter2 -e A=b alpine",
      "docker run -e POSTGRES_PASSWORD=*** -e A=*** alpine" },
    { "docker run -eTOKEN=x --env=A=b --env C=d alpine",
      "docker run -eTOKEN=*** --env=A=*** --env C=*** alpine" },
    { "docker run -ite A=b alpine", "docker run -ite A=*** alpine" },
    { "docker run -e HOME alpine", "docker run -e HOME alpine" },
    { "docker exec db psql postgresql://u:hunter2@h/d",
      "docker exec db psql postgresql://u:***@h/d" },
    { "docker exec db sh -c 'PGPASSWORD=hunter2 psql'",
      "docker exec db sh -c 'PGPASSWORD=*** psql'" },
    { "docker exec db sh -c \"PGPASSWORD='hunter two' psql\"",
      "docker exec db sh -c 'PGPASSWORD=*** psql'" },
    { "docker exec db redis --requirepass hunter2", "docker exec db redis --requirepass ***" },
    { "docker run --label api-key=hunter2 -p 80:80 alpine",
      "docker run --label api-key=*** -p 80:80 alpine" },
    { "docker exec db app --password=hunter2", "docker exec db app --password=***" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GuardCommand) command = { 0 };
      read_line (cases[i].line, &command);
      const GuardOperation *operation = command.operations->pdata[0];
      assert_string_equal (operation->given, cases[i].given);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_volumes),       cmocka_unit_test (test_containers),
    cmocka_unit_test (test_run),           cmocka_unit_test (test_globals_and_others),
    cmocka_unit_test (test_compose),       cmocka_unit_test (test_where_it_works),
    cmocka_unit_test (test_invalid_bytes), cmocka_unit_test (test_what_was_given),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
