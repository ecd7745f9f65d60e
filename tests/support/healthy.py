"""What hosts/check/probe.sh prints on a node that nothing is wrong with; {name} is the node's."""

HEALTHY = """hostname {name}
machine id-of-{name}
arch x86_64
memory 16000000
sudo yes
uid 1000:1000
time 1000
client yes
engine 28.1.0
driver overlay2
liverestore false
swarm active
cluster one
runtimes io.containerd.runc.v2 runc
root /var/lib/docker
security name=apparmor name=seccomp,profile=builtin name=cgroupns
store extfs true true false
plain 127.0.0.0/8 ::1/128
backend iptables
ours registry
ours jupyter
device eth0
mtu 1500
name c01 10.0.0.1
name c02 10.0.0.2
name c03 10.0.0.3
guard 10.0.0.1 10.0.0.2 10.0.0.3
admitted 8010
listen 0.0.0.0:22 127.0.0.1:5000 *:7946 LISTEN:8010
tcp 22 2377 5000 7946 8010
udp 4789 7946
home 42 1700000000.123456789
space / 90000000 20
space /home/skp/volume 90000000 20
space /var/lib/docker 90000000 20
inodes / 3
gpus 0
end yes"""
