let goldenRouter = """
  table ip router {
  	map in {
  		type ipv4_addr : ipv4_addr
  		size 1000
  		elements = { 203.0.113.1 : 10.0.0.1, 203.0.113.2 : 10.0.0.2,
  			     203.0.113.3 : 10.0.0.3 }
  	}

  	map out {
  		type ipv4_addr : ipv4_addr
  		size 1000
  		elements = { 10.0.0.1 : 203.0.113.1, 10.0.0.2 : 203.0.113.2,
  			     10.0.0.3 : 203.0.113.3 }
  	}

  	map vips {
  		type ipv4_addr . inet_proto . inet_service : mark
  		size 100
  		elements = { 203.0.113.9 . tcp . 443 comment "shop" : 0x00000002 }
  	}

  	map backends {
  		type ipv4_addr . inet_proto . inet_service . mark : ipv4_addr . inet_service
  		size 100
  		elements = { 203.0.113.9 . tcp . 443 . 0x00000000 : 10.0.0.11 . 8443,
  			     203.0.113.9 . tcp . 443 . 0x00000001 : 10.0.0.12 . 8443 }
  	}

  	map classes {
  		type mark : verdict
  		size 16
  		elements = { 0x00000002 : goto class2 }
  	}

  	set pairs {
  		type ifname . ifname
  		size 100
  		elements = { "eth0" . "eth1" }
  	}

  	set allowed {
  		type ipv4_addr . inet_proto . inet_service
  		size 100
  		flags interval
  		elements = { 10.0.0.0/24 . tcp . 80-90 }
  	}

  	set networks {
  		type ipv4_addr
  		flags interval
  		elements = { 192.168.4.0/22 }
  	}

  	chain pre {
  		type nat hook prerouting priority dstnat; policy accept;
  		dnat to ip daddr map @in comment "static"
  		meta mark set ip daddr . meta l4proto . th dport map @vips comment "class"
  		meta mark vmap @classes comment "balance"
  	}

  	chain post {
  		type nat hook postrouting priority srcnat; policy accept;
  		snat to ip saddr map @out comment "back"
  		oifname "eth0" masquerade comment "rest"
  	}

  	chain fwd {
  		type filter hook forward priority filter; policy drop;
  		ct state established,related counter packets 0 bytes 0 accept comment "known"
  		iifname . oifname @pairs accept comment "pairs"
  		ip daddr . meta l4proto . th dport @allowed jump web comment "web"
  		ip saddr != @networks return comment "net"
  		limit rate 10/second reject with icmp admin-prohibited comment "slow"
  		reject with tcp reset comment "reset"
  		tcp flags syn drop comment "flags"
  	}

  	chain class2 {
  		meta mark set jhash ip saddr . th sport mod 2 seed 0x7 comment "hash"
  		dnat ip to ip daddr . meta l4proto . th dport . meta mark map @backends comment "backend"
  	}

  	chain web {
  		meta l4proto tcp ct original ip daddr 203.0.113.9 ct original proto-dst 443 accept comment "origin"
  		meta mark set 0x00000005 ct mark set 0x00000005 comment "ctmark"
  		ct mark >= 0x00000001 counter packets 0 bytes 0 comment "ct"
  		meta mark set numgen inc mod 4 offset 1 comment "turn"
  		meta mark set symhash mod 4 comment "sym"
  	}
  }

  """
