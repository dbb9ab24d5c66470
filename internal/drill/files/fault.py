"""Does one kind of harm to this host and takes it back: at the end of its time, when told to stop, and at a reboot.

Run by systemd as a transient service with a time limit (see fault.go): it says READY when the harm is done, then waits.
`heal`, which runs after the service whatever became of it, undoes what may be left. Root is needed.
"""

import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TABLE = "infra_drill"
PACKAGED, UNPACKED = "/usr/share/java", "/run/infra-drill-byteman"
STOPPED = threading.Event()
# Rules of Byteman: what is added to what a method returns, or to what a constructor made.
CLOCK = """RULE transactions
CLASS org.apache.zookeeper.common.Time
METHOD currentWallTime()
AT EXIT
IF TRUE
DO RETURN $! + %(offset)s
ENDRULE
RULE dates
CLASS java.util.Date
METHOD <init>()
AT EXIT
IF TRUE
DO $0.setTime($0.getTime() + %(offset)s)
ENDRULE
"""


def processes(program="postgres", matches=lambda title: True):
    """The ids of a program's processes, the oldest first, whose title matches."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.basename(os.readlink("/proc/%s/exe" % pid)).removesuffix(" (deleted)") != program:
                continue
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                title = file.read().decode(errors="replace")
        except OSError:
            continue  # it has ended
        if matches(title):
            found.append(int(pid))
    return sorted(found)


def send(number, pids):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def postmaster(data):
    with open(os.path.join(data, "postmaster.pid"), encoding="ascii") as file:
        return int(file.readline())


def kill(data):
    """Kill the server as the kernel does when memory runs out; nothing is taken back."""
    os.kill(postmaster(data), signal.SIGKILL)


def freeze(data):
    """Stop every process of the server; twice, for one may just have been born. The postmaster first."""
    send(signal.SIGSTOP, [postmaster(data)])
    for _ in range(2):
        send(signal.SIGSTOP, processes())


def hang(data):
    freeze(data)
    ready()
    STOPPED.wait()


def hang_program(program):
    """Stop every process of a program."""
    send(signal.SIGSTOP, processes(program))
    ready()
    STOPPED.wait()


def stall(directory, stalled, running):
    """Have everything that is written to a file system wait, again and again: a disk that answers slowly."""
    def set_frozen(frozen):
        subprocess.run(["fsfreeze", "--freeze" if frozen else "--unfreeze", directory], check=True)

    ready()
    while True:
        set_frozen(True)
        over = STOPPED.wait(float(stalled))
        set_frozen(False)
        if over or STOPPED.wait(float(running)):
            return


def flap(data, stopped, running, times):
    """Hang for a while and go on, several times."""
    ready()
    for _ in range(int(times)):
        freeze(data)
        over = STOPPED.wait(float(stopped))
        send(signal.SIGCONT, processes())
        if over or STOPPED.wait(float(running)):
            return


def deafen():
    """Stop the process that receives WAL from the primary."""
    send(signal.SIGSTOP, processes(matches=lambda title: "walreceiver" in title))
    ready()
    STOPPED.wait()


def ruleset(rules):
    """The rules as nft wants them: each on a line of its own."""
    chains = "".join("  chain %s {\n    type filter hook %s priority -300;\n%s  }\n" % (
        hook, hook, "".join("    %s\n" % rule for rule in rules[way])) for way, hook in (("in", "input"), ("out", "output")))
    return "table inet %s {\n%s}\n" % (TABLE, chains)


def filter_packets(rules):
    """Load rules of the chains input and output. All of it is in a table of our own."""
    subprocess.run(["nft", "-f", "-"], input=ruleset(rules), text=True, check=True)
    ready()
    STOPPED.wait()


def cut(direction, bastion, *peers):
    """Drop what comes in, goes out or both; of the peers when there are any, else all. SSH from the bastion stays."""
    rules = {
        "in": ["iif lo accept", "ip saddr %s tcp dport 22 accept" % bastion],
        "out": ["oif lo accept", "ip daddr %s tcp sport 22 accept" % bastion],
    }
    for way, field in (("in", "saddr"), ("out", "daddr")):
        if direction in (way, "both"):
            rules[way].append("ip %s { %s } drop" % (field, ", ".join(peers)) if peers else "drop")
    filter_packets(rules)


def cut_api(percent):
    """Lose so many of the packets to AWS, and to nothing else: no other service of a host speaks HTTPS."""
    lost = "" if int(percent) >= 100 else "numgen random mod 100 < %d " % int(percent)
    filter_packets({"in": [], "out": ["tcp dport 443 %sdrop" % lost]})


def fill(*directories):
    """Leave no room on file systems, and take what becomes free. The files have no name: they go with this process."""
    files = [tempfile.TemporaryFile(dir=directory) for directory in directories]
    sizes, told = [0] * len(files), False
    step = 1 << 30
    while True:
        grown = False
        for number, file in enumerate(files):
            try:
                os.posix_fallocate(file.fileno(), sizes[number], step)
                sizes[number] += step
                grown = True
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EFBIG):
                    raise
        if grown:
            continue
        if step > 4096:
            step //= 2
            continue
        if not told:
            told = True
            ready()
        step = 1 << 20
        if STOPPED.wait(0.2):
            return


def forbid(data):
    """Take the right to make files in the data directory from its owner: a promotion fails, nothing else does."""
    os.chmod(data, os.stat(data).st_mode & 0o7577)
    ready()
    STOPPED.wait()


def owned(pid, *argv):
    """Run a program as the owner of a process and where it sees the same files; what it prints is returned.

    A JVM wants both of whoever attaches to it: they meet in /tmp, and a service may have one of its own.
    """
    owner = os.stat("/proc/%d" % pid)
    entered = ["nsenter", "--mount", "--target", str(pid), "--setgid", str(owner.st_gid), "--setuid", str(owner.st_uid)]
    return subprocess.run([*entered, *argv], check=True, stdout=subprocess.PIPE, text=True).stdout


def jars():
    """Where Byteman's jars are; fetched where they are not. Unpacked, not installed: Debian's package wants Maven with it."""
    if os.path.exists(os.path.join(PACKAGED, "byteman.jar")):
        return PACKAGED
    if not os.path.exists(UNPACKED):
        os.makedirs(UNPACKED, 0o755)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["apt-get", "--quiet", "download", "libbyteman-java"], cwd=folder, check=True)
            subprocess.run(["dpkg-deb", "--extract", os.path.join(folder, *os.listdir(folder)), UNPACKED], check=True)
    return UNPACKED + PACKAGED


def byteman(pid, tool, *arguments):
    """Run one of Byteman's programs on a JVM: https://downloads.jboss.org/byteman/4.0.20/byteman-programmers-guide.html."""
    names = ("byteman", "byteman-install", "byteman-submit")
    return owned(pid, "java", "-cp", ":".join(os.path.join(jars(), name + ".jar") for name in names), "org.jboss.byteman.agent." + tool, *arguments)


def instrumented(program):
    """The processes that Byteman's agent is in: it stays until they end, and listens on the loopback interface."""
    def loaded(pid):
        fds = "/proc/%d/fd" % pid
        return any(os.path.basename(os.readlink(os.path.join(fds, fd))) == "byteman.jar" for fd in os.listdir(fds))

    return [pid for pid in processes(program) if loaded(pid)]


def agent(program):
    """Succeed where Byteman's agent is in a process."""
    sys.exit(0 if instrumented(program) else 1)


def clock(main, seconds, *offsets):
    """Have the clock of a JVM jump by so many seconds each, for so long; waits and the host's other programs keep theirs.

    It is the clock that ZooKeeper writes into transactions, and the one that certificates are judged by. The JVM goes on.
    """
    [pid] = processes("java", lambda title: main in title)
    if pid not in instrumented("java"):
        byteman(pid, "install.Install", "-b", "-s", "-Dorg.jboss.byteman.transform.all=true", str(pid))
    with tempfile.NamedTemporaryFile("w", suffix=".btm", dir="/run") as file:
        os.chmod(file.name, 0o644)
        for offset in offsets:
            file.seek(0)
            file.truncate()
            file.write(CLOCK % {"offset": offset + "000L"})
            file.flush()
            byteman(pid, "submit.Submit", "-l", file.name)
            # A rule is tried when its method is first called: what ZooKeeper does all the time.
            while "compiled successfully" not in byteman(pid, "submit.Submit").partition("RULE transactions")[2].partition("RULE ")[0]:
                if STOPPED.wait(0.5):
                    sys.exit("the clock did not jump")
            ready()
            if STOPPED.wait(float(seconds)):
                break
        byteman(pid, "submit.Submit", "-u", file.name)


def later(unit):
    """Start a unit when the time is over."""
    ready()
    STOPPED.wait()
    subprocess.run(["systemctl", "start", "--no-block", unit], check=True)


def heal(program, *folders):
    """Undo what may be left of any of these."""
    subprocess.run(["nft", "delete", "table", "inet", TABLE], check=False, capture_output=True)
    for folder in folders:
        subprocess.run(["fsfreeze", "--unfreeze", folder], check=False, capture_output=True)
    send(signal.SIGCONT, processes(program))
    for pid in instrumented(program):
        byteman(pid, "submit.Submit", "-u")
    for folder in filter(os.path.isdir, folders):
        os.chmod(folder, os.stat(folder).st_mode | 0o200)


def ready():
    """Tell systemd that the harm is done."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect("\0" + address[1:] if address.startswith("@") else address)
        notify.send(b"READY=1")


KINDS = {"kill": kill, "hang": hang, "flap": flap, "deafen": deafen, "cut": cut, "cut-api": cut_api, "fill": fill,
         "forbid": forbid, "later": later, "hang-program": hang_program, "clock": clock, "agent": agent, "stall": stall, "heal": heal}


def main():
    signal.signal(signal.SIGTERM, lambda *_: STOPPED.set())
    KINDS[sys.argv[1]](*sys.argv[2:])


main()
