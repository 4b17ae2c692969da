package main

import "strconv"

// scene is what a server serves, and how.
type scene struct {
	tcp       bool // over the loopback instead of a Unix socket
	tls       bool // with certificates
	memory    bool // a disk in memory instead of the file
	sparse    bool // a file of 100 GiB that is one hole
	copies    bool // without splice
	many      bool // clients that come at once, more than nbd-server's backlog of ten
	crowd     bool // more clients than nbdtui takes by itself
	cold      bool // the file is not in the page cache
	dashboard bool // nbdtui shows it
	ordinary  bool // the server is an ordinary user's, and net.core.wmem_max is what it is on most machines
	filters   []string
	words     []string // for the filters
}

// place is where a server finds its files, and where it listens.
type place struct {
	scene
	dir    string // private, and the server's user may write to it
	socket string // empty over TCP
	port   string // free; nbd-server wants one even beside a Unix socket
	file   string
	pki    string
}

// server is a program that serves a file. Clients may open several connections to each.
type server struct {
	name   string
	export string // what clients must ask for
	// args are the command line, or nil where the program has not what the scene needs.
	args func(p place) ([]string, error)
}

// servers are what is compared; the first one is ours.
var servers = []server{
	{"nbdtui", "", func(p place) ([]string, error) {
		args := []string{"bin/nbdtui"}
		if p.crowd || p.many {
			args = append(args, "--max-connections=2000")
		}
		if p.copies {
			args = append(args, "--no-splice")
		}
		return p.pluginAndFilters(args), nil
	}},
	{"nbdkit", "", func(p place) ([]string, error) {
		return p.pluginAndFilters([]string{"nbdkit", "-f"}), nil
	}},
	{"qemu-nbd", "", func(p place) ([]string, error) {
		if p.memory || len(p.filters) > 0 {
			return nil, nil
		}
		args := []string{"qemu-nbd", "--persistent", "--shared=2000", "--format=raw"}
		if p.tls {
			args = append(args, "--object=tls-creds-x509,id=tls,endpoint=server,verify-peer=no,dir="+p.pki, "--tls-creds=tls")
		}
		if p.tcp {
			args = append(args, "--bind=127.0.0.1", "--port="+p.port)
		} else {
			args = append(args, "--socket="+p.socket)
		}
		return append(args, p.file), nil
	}},
	{"nbd-server", nbdServerExport, func(p place) ([]string, error) { return p.nbdServer("false") }},
	{"nbd-server, splice", nbdServerExport, func(p place) ([]string, error) { return p.nbdServer("true") }},
}

// pluginAndFilters are said alike by nbdtui and nbdkit.
func (p place) pluginAndFilters(args []string) []string {
	if p.tcp {
		args = append(args, "-i", "127.0.0.1", "-p", p.port)
	} else {
		args = append(args, "-U", p.socket)
	}
	if p.tls {
		args = append(args, "--tls=require", "--tls-certificates="+p.pki)
	}
	for _, f := range p.filters {
		args = append(args, "--filter="+f)
	}
	if p.memory {
		args = append(args, "memory", strconv.Itoa(imageSize))
	} else {
		args = append(args, "file", p.file)
	}
	return append(args, p.words...)
}

// uri is what clients call the server by.
func (p place) uri(export string) string {
	scheme, query := "nbd", ""
	if p.tls {
		scheme, query = "nbds", "tls-certificates="+p.pki
	}
	if p.tcp {
		if query != "" {
			query = "?" + query
		}
		return scheme + "://localhost:" + p.port + "/" + export + query
	}
	if query != "" {
		query = "&" + query
	}
	return scheme + "+unix:///" + export + "?socket=" + p.socket + query
}
