# A container engine for the test, sourced by run.sh. Where one answers already it is used; else Docker's engine from
# Debian's packages is installed and started with a socket and data of its own, without touching the host's network:
# no address translation, no forwarding, no bridge of its own. No registry is asked for anything: the one base image is
# made from Debian's packages and imported under its public name. The mirror is the one that apt is configured with.
#
#   engine_start DIR    sets DOCKER_HOST and DOCKER_CONFIG; `docker compose` works afterwards
#   engine_stop         takes away what engine_start started

engine_own= # the folder of an engine that we started

engine_say() { printf '   %s\n' "$*"; }

apt_quiet() { DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o DPkg::Lock::Timeout=600 "$@" >"$engine_dir/apt.log" 2>&1 || {
    tail -n 20 "$engine_dir/apt.log" >&2
    return 1
}; }

# The first mirror of apt's own settings for this release; its name is written down nowhere.
engine_mirror() {
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$release" '$1 == release && $2 == "main" && !n++ {print $3}'
}

# What the kernel must allow: namespaces, a bridge, control groups, an overlay. Says what it does not, and fails.
engine_kernel_allows() {
    unshare --mount --pid --net --ipc --uts --fork true 2>/dev/null || { echo "the kernel allows no namespaces"; return 1; }
    unshare --net ip link add tc0 type bridge 2>/dev/null || { echo "the kernel allows no bridges"; return 1; }
    unshare --net ip link add tc0 type veth peer name tc1 2>/dev/null || { echo "the kernel allows no veth pairs"; return 1; }
    grep -q cgroup /proc/mounts || { echo "no control groups are mounted"; return 1; }
    grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || { echo "the kernel has no overlay file system"; return 1; }
}

# Compose and buildx of a later Debian, unpacked and never installed: they need no more than this one's C library.
engine_plugins() {
    dir=$engine_dir/later
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$engine_dir/config/cli-plugins"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$dir/sources.list"
    cat >"$dir/apt.conf" <<CONF
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$dir/lists";
Dir::Cache "$dir/cache";
APT::Sandbox::User "root";
CONF
    (
        cd "$dir"
        export APT_CONFIG="$dir/apt.conf"
        apt-get -qq update && apt-get -qq download docker-compose docker-buildx
        for package in *.deb; do dpkg -x "$package" unpacked; done
    ) >"$dir/log" 2>&1 || { tail -n 20 "$dir/log" >&2; return 1; }
    cp "$dir"/unpacked/usr/libexec/docker/cli-plugins/* "$engine_dir/config/cli-plugins/"
}

engine_install() {
    missing=
    for package in docker.io mmdebstrap iproute2; do
        dpkg-query -W -f='${Status}' $package 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    apt_quiet update && apt_quiet install -y --no-install-recommends $missing
}

engine_daemon() {
    engine_own=$engine_dir
    export DOCKER_HOST="unix://$engine_dir/docker.sock"
    setsid dockerd --data-root "$engine_dir/data" --exec-root "$engine_dir/exec" --pidfile "$engine_dir/dockerd.pid" \
        --host "$DOCKER_HOST" --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bridge=none \
        >"$engine_dir/dockerd.log" 2>&1 </dev/null &
    for _ in $(seq 240); do
        docker version >/dev/null 2>&1 && return 0
        sleep 0.25
    done
    tail -n 20 "$engine_dir/dockerd.log" >&2
    return 1
}

engine_base() {
    mmdebstrap --quiet --variant=minbase --include=ca-certificates "$release" - "$mirror" 2>"$engine_dir/base.log" |
        docker import -c 'CMD ["bash"]' - debian:bookworm-slim >/dev/null || { tail -n 20 "$engine_dir/base.log" >&2; return 1; }
}

engine_start() { # DIR
    engine_dir=$1
    mkdir -p "$engine_dir/config"
    if docker version >/dev/null 2>&1; then
        engine_say "using the engine that runs here"
    else
        engine_install
    fi
    release= mirror=
    mirror=$(engine_mirror)
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    docker version >/dev/null 2>&1 || engine_daemon
    plugins=
    docker compose version >/dev/null 2>&1 || { # they come while the base image is made
        export DOCKER_CONFIG="$engine_dir/config"
        engine_plugins &
        plugins=$!
    }
    docker image inspect debian:bookworm-slim >/dev/null 2>&1 || engine_base
    [ -z "$plugins" ] || wait $plugins
    docker compose version >/dev/null
}

engine_stop() {
    [ -n "$engine_own" ] || return 0
    pid=$(cat "$engine_own/dockerd.pid" 2>/dev/null) || pid=
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 120); do
            [ -d "/proc/$pid" ] || break
            sleep 0.25
        done
    fi
    for mount in $(awk -v dir="$engine_own/" 'index($2, dir) == 1 {print $2}' /proc/mounts | sort -r); do umount "$mount" || true; done
    rmdir /sys/fs/cgroup/*/docker/buildkit /sys/fs/cgroup/*/docker 2>/dev/null || true
    engine_own=
}
