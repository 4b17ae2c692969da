#compdef nbdtui
# zsh completion of nbdtui, made by: nbdtui completion zsh

_arguments -s -S \
	'*--filter=[Add a filter; the first one is nearest to the client]:filter:(delay error exitlast exitwhen ip limit log pause rate readonly retry retry-request tar)' \
	'*--run=[Run a shell command as the captive; $nbd is the URI, and its end is ours]:command: ' \
	'*'{--unix=,-U+}'[Listen on a Unix socket; - for a private one]:socket:_files' \
	'*'{--port=,-p+}'[Listen on a TCP or vsock port; 0 for a free one]:port: ' \
	'*'{--ipaddr=,--ip-addr=,-i+}'[Listen on this address only]:host: ' \
	'*'{--ipv4-only,-4}'[Listen on IPv4 only]' \
	'*'{--ipv6-only,-6}'[Listen on IPv6 only]' \
	'*--vsock[Listen on a vsock port, for virtual machines]' \
	'*'{--single,--stdin,-s}'[Serve one client on standard input and output]' \
	'*'{--exportname=,--export=,--export-name=,-e+}'[Name the export in the captive'\''s URI]:name: ' \
	'*--print-uri[Print the URI on standard output]' \
	'*'{--readonly,--read-only,-r}'[Refuse every write]' \
	'*'{--threads=,-t+}'[Requests in hand at once on a connection]:n: ' \
	'*--max-connections=[Clients at once; one more is turned away]:n: ' \
	'*--max-memory=[Memory for the data of all clients'\'' requests; who would need more waits]:size: ' \
	'*--timeout=[How long a client'\''s handshake may take]:time: ' \
	'*--mask-handshake=[Offer only these flags in the handshake]:mask: ' \
	'*--no-sr[Do not offer structured replies]' \
	'*'{--newstyle,--new-style,-n}'[Use the newstyle handshake, as always]' \
	'*'{--oldstyle,--old-style,-o}'[Use the oldstyle handshake, for clients that know no other; one export, no TLS]' \
	'*--no-splice[Copy every read through user space]' \
	'*--tls=[Let clients encrypt their connections, or require it]:off or on or require:(off on require)' \
	'*--tls-certificates=[Where ca-cert.pem, server-cert.pem, server-key.pem and maybe ca-crl.pem are; nbdtui tls-init makes them]:dir:_files' \
	'*--tls-psk=[Pre-shared keys as psktool writes them, instead of certificates; needs GnuTLS]:path:_files' \
	'*--tls-verify-peer[Ask clients for a certificate of the same authority]' \
	'*--ui=[tui for the dashboard, plain for lines on standard error, quiet; auto: tui on a terminal, else quiet]:auto or tui or plain or quiet:(auto tui plain quiet)' \
	'*--child-output=[Output faster than the screen: skip to the newest, or let the command wait]:skip or wait:(skip wait)' \
	'*--theme=[The dashboard'\''s colours; a NO_COLOR that is not empty takes them away]:terminal or okabe or paper or mono:(terminal okabe paper mono)' \
	'*--ascii[Draw with ASCII alone, as in a locale without UTF-8]' \
	'*--inline[Show a strip of four lines below the command'\''s output, not the whole screen]' \
	'*--record=[Write to a file what a dashboard shows, for nbdtui replay]:file: ' \
	'*--hold=[Keep the dashboard when the command has ended; R runs it again, q leaves]:never or error or always:(never error always)' \
	'*--allow-faults[Let t in the dashboard inject errors into the running session]' \
	'*--grace=[How long the command may take to end when asked to]:time: ' \
	'*'{--foreground,--no-fork,-f}'[Stay in the foreground, as always without --background]' \
	'*--background[Go on in the background; the exit status 0 says that clients can come]' \
	'*--exit-with-parent[End when the process ends that started this one]' \
	'*'{--pid-file=,--pidfile=,-P+}'[Write the process id to a file when clients can come; removed at the end]:path:_files' \
	'*'{--user=,-u+}'[Become this user, a name or a number, when the sockets are bound]:user:_users' \
	'*'{--group=,-g+}'[Become this group, a name or a number, when the sockets are bound]:group:_groups' \
	'*--selinux-label=[Give the sockets an SELinux label]:label: ' \
	'*--swap[Keep all memory in RAM, so that the disk can be swap space; needs an unlimited memlock]' \
	'*--log=[Where errors go]:stderr or syslog or null:(stderr syslog null)' \
	'*'{--verbose,-v}'[Tell on standard error all that happens]' \
	'*'{--debug=,-D+}'[Set a debug flag; no plugin or filter has one yet]:name.flag=n: ' \
	'*--dump-config[Print how the program was built]' \
	'*--dump-plugin[Print what there is to know of a plugin]' \
	'*--long-options[Print the long options, one a line]' \
	'*--short-options[Print the short options, one a line]' \
	'*'{--version,-V}'[Print the version, and that of a plugin and filters]' \
	'*--help[Print this help, or that of a plugin or filter]' \
	'1:plugin or command:(eval example1 file memory null sh copy replay tls-init completion man)' \
	'*:parameter:{compadd -S "" -- after_fork= allocator= allow= block_size= burstiness= cache= can_cache= can_extents= can_fast_zero= can_flush= can_fua= can_multi_conn= can_trim= can_write= can_zero= close= config= config_complete= connection-rate-file= connection-rate= default_export= delay-cache= delay-close= delay-discard= delay-discards= delay-extent= delay-extents= delay-fast-zero= delay-open= delay-read= delay-reads= delay-trigger= delay-trim= delay-trims= delay-write= delay-writes= delay-zero= delay-zeroes= deny= dir= directory= dirfd= dump_plugin= error-cache-file= error-cache-rate= error-cache= error-extents-file= error-extents-rate= error-extents= error-file= error-pread-file= error-pread-rate= error-pread= error-pwrite-file= error-pwrite-rate= error-pwrite= error-rate= error-trim-file= error-trim-rate= error-trim= error-zero-file= error-zero-rate= error-zero= error= exit-when-fd-closed= exit-when-file-created= exit-when-file-deleted= exit-when-pid-exits= exit-when-pipe-closed= exit-when-poll= exit-when-process-exits= exit-when-script= exitlast-grace= export_description= extents= fadvise= fd= file= flush= get_ready= get_size= is_rotational= limit= list_exports= logappend= logfile= logscript= missing= open= pause-control= pread= preconnect= pwrite= rate-file= rate= rdelay= readonly-file= retries= retry-delay= retry-exponential= retry-readonly= retry-request-delay= retry-request-open= retry-request-retries= script= size= tar-entry= tar-limit= tar= thread_model= trim= unload= wdelay= zero=; _files}'
