package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/param"
)

// manCommand is nbdtui man: the manual page in roff, from the tables that the program runs by.
func manCommand(args []string, _, stdout, _ *os.File) error {
	if len(args) > 0 {
		return param.WithHint(errors.New("man takes no words"), "to read it: nbdtui man | man -l -")
	}
	_, err := io.WriteString(stdout, manual())
	return err
}

const manualHead = `.TH NBDTUI 1 "" "nbdtui %s" "User Commands"
.SH NAME
nbdtui \- serve a disk over NBD, run a command on it, and show both live
.SH SYNOPSIS
.B nbdtui
[options] PLUGIN [key=value ...] [\-\-filter=FILTER ...] [\-\-run COMMAND]
.br
.B nbdtui copy
[options] SOURCE DESTINATION
.br
.B nbdtui replay
[options] FILE
.br
.B nbdtui tls\-init
[\-\-host=NAME ...] DIR
.br
.B nbdtui completion
bash|zsh|fish
.br
.B nbdtui man
.SH DESCRIPTION
nbdtui serves a disk image over NBD (network block device), runs a command on it in a terminal of its own, and shows
both live: pause without losing a byte, resume, disconnect a client, watch every request.
Off a terminal the same line is a quiet server: the command has the real standard input and output, nothing but errors
is printed, and the exit status is the command's.
.PP
Options and parameters may stand in any order, but the plugin is the first word that is no option.
A word key=value goes to the outermost filter that knows the key, else to the plugin; a word without a key is the
plugin's main parameter.
Long options may be shortened as long as they are unique, and short ones bundled.
.PP
.B nbdtui copy
copies a disk, keeps its holes, and says how far it is; its \-\-help tells more.
.B nbdtui replay
shows a recording of \-\-record on the dashboard; its \-\-help tells more.
.B nbdtui tls\-init
makes certificates for a server and its clients, and prints how to use them.
.B nbdtui completion
prints a completion script for a shell, and
.B nbdtui man
this page.
`

const manualTail = `.SH ENVIRONMENT
The command of
.B \-\-run
finds these variables:
.TP
.BR uri ", " nbd
The URI of the disk.
.TP
.B unixsocket
The path of the Unix socket, or empty.
.TP
.B port
The TCP port, or empty.
.TP
.B tls
1 where clients may encrypt their connection, 2 where they have to; not set without TLS.
.TP
.B exportname
What
.B \-\-exportname
says.
.PP
nbdtui itself heeds
.BR TMPDIR ", " TERM ", " NO_COLOR ", " POSIXLY_CORRECT ,
and of a service manager
.BR LISTEN_PID ", " LISTEN_FDS ", " LISTEN_FDNAMES ", " NOTIFY_SOCKET .
.SH SIGNALS
TERM, INT, HUP and QUIT end the session: the command is asked to end first, while it is still served; then requests in
flight are finished, and what comes later is answered ESHUTDOWN.
A second signal ends the grace at hand.
.SH EXIT STATUS
The command's, or 128 and the number of the signal that killed it; without a command 0.
Where the program itself fails it is 1.
.SH SEE ALSO
.BR qemu-img (1),
.BR nbdcopy (1),
.BR nbdinfo (1),
.BR nbdkit (1)
`

// manual is the whole page.
func manual() string {
	var o options
	var b strings.Builder
	fmt.Fprintf(&b, manualHead, version)
	b.WriteString(".SH OPTIONS\n")
	for _, p := range o.table() {
		spelled := spellings(p)
		if p.Kind != "" {
			spelled[0] += "=" + p.Kind
		}
		manualEntry(&b, strings.Join(spelled, ", "), p)
	}
	manualLayers(&b, "PLUGINS", block.Plugin)
	manualLayers(&b, "FILTERS", block.Filter)
	b.WriteString(manualTail)
	return b.String()
}

func manualLayers(b *strings.Builder, title string, k block.Kind) {
	fmt.Fprintf(b, ".SH %s\n", title)
	for _, r := range block.Registered(k) {
		fmt.Fprintf(b, ".SS %s: %s\n", roff(r.Name), roff(r.Summary))
		for i, paragraph := range strings.Split(strings.TrimSpace(r.Help), "\n\n") {
			if i > 0 {
				b.WriteString(".PP\n")
			}
			fmt.Fprintf(b, "%s\n", roff(paragraph))
		}
		for _, p := range r.New().Table().Params {
			spelled := p.Name + "=" + p.Kind
			if p.Name == r.Magic {
				spelled = "[" + p.Name + "=]" + p.Kind
			}
			manualEntry(b, spelled, p)
		}
	}
}

func manualEntry(b *strings.Builder, spelled string, p param.Param) {
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(spelled), roff(explained(p)))
}

// roff quotes text: a backslash, a minus, and what would be a request at the start of a line.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
