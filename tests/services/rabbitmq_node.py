"""A RabbitMQ node of the tests' own, on free ports of the loopback address, with its data in a temporary folder.

Owns the node's files, environment and life, and its two ways of being managed: HTTP (10 ms a call) and rabbitmqctl
(0.4 s). Must not know what the tests do with it. Its port mapper, epmd, is its own too: nothing outlives the node.
"""

import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.services.certificates import Certificates, Shown
from tests.services.http import basic_authorization, demand, request
from tests.services.process import LOOPBACK, Command, ServerProcess, ServiceError, free_ports, listens

PROGRAM_FOLDERS = ("/usr/lib/rabbitmq/bin",)
"""Before PATH: Debian's /usr/sbin/rabbitmqctl changes the user and forgets the environment."""

USER = "test"
CTL_TIMEOUT_S = 60.0


class RabbitMqNode:
    """One node, not running until `start`."""

    def __init__(self, folder: Path) -> None:
        self.port, self.tls_port, self._http, self._distribution, self._epmd_port = free_ports(5)
        self.user = USER
        self.password = secrets.token_hex(16)
        self.certificates = Certificates(folder)
        self._folder = folder
        self._environment = self._prepare()
        self._epmd = ServerProcess(self._command("epmd", "epmd", "-port", str(self._epmd_port), "-address", LOOPBACK))
        self._beam = ServerProcess(self._command("RabbitMQ", "rabbitmq-server", "-noinput"))

    def start(self) -> None:
        """Start it, on the same ports and data as before, and wait until it has booted.

        Raises:
            ServiceError: it did not: holds the end of its log.
        """
        self._epmd.settle(lambda: listens(self._epmd_port))
        try:
            self._beam.start(self._answers)
        except BaseException:
            self.close()
            raise

    def stop(self) -> None:
        """End it in order (about 6 s)."""
        self._beam.stop()

    def kill(self) -> None:
        """End it by SIGKILL. What was declared before is kept, as after a stop in order."""
        # The database of declarations is written out seconds later: without this a fresh queue would be gone.
        self._beam.resume()
        self.ctl("eval", "mnesia:sync_log().")
        self._beam.kill()

    def pause(self) -> None:
        """Hold it still: connections stay open, nothing answers."""
        self._beam.pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._beam.resume()

    def settle(self) -> None:
        """Make it run and answer, whatever a test that failed has left."""
        self._epmd.settle(lambda: listens(self._epmd_port))
        self._beam.settle(self._answers)

    def close(self) -> None:
        """Leave nothing running: node and data are not needed any more."""
        self._beam.kill()
        self._epmd.kill()

    def ctl(self, *words: str) -> str:
        """What `rabbitmqctl` prints for this node, without its headings.

        Raises:
            ServiceError: it fails; holds its words.
        """
        done = subprocess.run(
            (_program("rabbitmqctl"), "--quiet", *words),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CTL_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"rabbitmqctl {' '.join(words)} failed: {done.stderr or done.stdout}")
        return done.stdout

    def manage(self, method: str, path: str, content: object = None) -> bytes:
        """A call of the management API, `path` from after `/api`; the answer's body.

        Raises:
            ServiceError: it is refused.
            OSError: the node is away.
        """
        return demand(method, self._api(path), authorization=self._authorization(), content=content)

    def show_certificate(self, kind: Shown) -> None:
        """Show this kind of certificate on every connection from now on."""
        self.certificates.show(kind)
        self.ctl("eval", "ssl:clear_pem_cache().")

    def _answers(self) -> bool:
        # The management API is the last to come up: then all listeners are open.
        with suppress(OSError, ServiceError):
            answer = request("GET", self._api("/health/checks/local-alarms"), authorization=self._authorization())
            return answer.status == 200 and listens(self.port) and listens(self.tls_port)
        return False

    def _api(self, path: str) -> str:
        return f"http://{LOOPBACK}:{self._http}/api{path}"

    def _authorization(self) -> str:
        return basic_authorization(self.user, self.password)

    def _command(self, name: str, program: str, *words: str) -> Command:
        log = self._folder / f"{program}.log"
        return Command(name, (_program(program), *words), self._environment, log)

    def _prepare(self) -> dict[str, str]:
        """Write the configuration; the environment that makes the node find it, and nothing of the system's."""
        folder = self._folder
        settings = {
            "listeners.tcp.1": f"{LOOPBACK}:{self.port}",
            "listeners.ssl.1": f"{LOOPBACK}:{self.tls_port}",
            "ssl_options.cacertfile": self.certificates.authority,
            "ssl_options.certfile": self.certificates.chain,
            "ssl_options.keyfile": self.certificates.key,
            "ssl_options.verify": "verify_none",
            "management.tcp.ip": LOOPBACK,
            "management.tcp.port": self._http,
            "management_agent.disable_metrics_collector": "true",
            "default_user": self.user,
            "default_pass": self.password,
            "disk_free_limit.absolute": "50MB",
            "log.console": "true",
            "log.console.level": "info",
            "log.file": "false",
        }
        configuration = folder / "rabbitmq.conf"
        configuration.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()), "utf-8")
        plugins = folder / "enabled_plugins"
        plugins.write_text("[rabbitmq_management].\n", "utf-8")
        (folder / "env.conf").touch()
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": "chargeline-test@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            # Makes the script become the Erlang machine instead of waiting for it: signals reach the right process.
            "RABBITMQ_ALLOW_INPUT": "1",
        }


def _program(name: str) -> str:
    path = os.pathsep.join((*PROGRAM_FOLDERS, os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    found = shutil.which(name, path=path)
    if found is None:
        raise ServiceError(
            f"There is no {name}: run `make services`, or set CHARGELINE_TEST_AMQP_URL to a running RabbitMQ."
        )
    return found
