package main

import "slices"

// mainGroup is what is measured where nothing is chosen.
const mainGroup = "main"

// groups are what a run can be of, each with a part of its own in the documentation.
var groups = []string{mainGroup, "connections", "patterns", "tcp", "tls", "memory", "filters", "sparse", "cold", "copies", "ordinary"}

// workloads are those of all groups.
var workloads = slices.Concat(
	in(mainGroup,
		copying("nbdcopy to null:", false, scene{}),
		copying("nbdcopy to null:, dashboard on", false, scene{dashboard: true}),
		copying("nbdcopy into the file", true, scene{}),
		converting("qemu-img convert to a file"),
		fio("randread", "4k", 1, 1, scene{}),
		fio("randwrite", "4k", 1, 1, scene{}),
		fio("randread", "4k", 32, 1, scene{}),
		fio("randwrite", "4k", 32, 1, scene{}),
		fio("write", "4k", 32, 1, scene{}),
		fio("randread", "64k", 8, 1, scene{}),
		fio("randwrite", "64k", 8, 1, scene{}),
		fio("read", "1m", 8, 1, scene{}),
		fio("write", "1m", 8, 1, scene{}),
		fio("randread", "4k", 32, 4, scene{}),
	),
	in("connections",
		fio("randwrite", "4k", 32, 4, scene{}),
		fio("randread", "64k", 8, 4, scene{}),
		fio("randwrite", "64k", 8, 4, scene{}),
		fio("read", "1m", 8, 4, scene{}),
		fio("write", "1m", 8, 4, scene{}),
		fio("randread", "4k", 4, 64, scene{many: true}),
		takingTurns(4),
		takingTurns(64),
		takingTurns(1000),
		allAtOnce(64),
		allAtOnce(1000),
	),
	in("patterns", // what fio does neither in the main group nor over four connections
		fio("read", "4k", 1, 1, scene{}),
		fio("write", "4k", 1, 1, scene{}),
		fio("read", "4k", 32, 1, scene{}),
		fio("read", "64k", 8, 1, scene{}),
		fio("write", "64k", 8, 1, scene{}),
		fio("randread", "1m", 8, 1, scene{}),
		fio("randwrite", "1m", 8, 1, scene{}),
		fio("randread", "4k", 1, 4, scene{}),
		fio("randwrite", "4k", 1, 4, scene{}),
		fio("read", "4k", 1, 4, scene{}),
		fio("write", "4k", 1, 4, scene{}),
		fio("read", "4k", 32, 4, scene{}),
		fio("write", "4k", 32, 4, scene{}),
		fio("read", "64k", 8, 4, scene{}),
		fio("write", "64k", 8, 4, scene{}),
		fio("randread", "1m", 8, 4, scene{}),
		fio("randwrite", "1m", 8, 4, scene{}),
	),
	in("tcp", common(scene{tcp: true})...),
	in("tls", common(scene{tls: true})[:2]...), // fio cannot be told of certificates
	in("memory", common(scene{memory: true})...),
	in("filters", slices.Concat(
		under("pause: ", common(scene{filters: []string{"pause"}, words: []string{"pause-control=" + pauseSocket}})),
		under("three: ", common(scene{
			filters: []string{"error", "pause", "delay"},
			words:   []string{"error-rate=0%", "pause-control=" + pauseSocket, "rdelay=0", "wdelay=0"},
		})),
	)...),
	in("sparse",
		fio("randread", "4k", 32, 1, scene{sparse: true}),
		fio("randread", "64k", 8, 1, scene{sparse: true}),
		fio("read", "1m", 8, 1, scene{sparse: true}),
	),
	in("cold",
		fio("randread", "4k", 1, 1, scene{cold: true}),
		fio("randread", "4k", 32, 1, scene{cold: true}),
		fio("randread", "64k", 8, 1, scene{cold: true}),
		fio("read", "1m", 8, 1, scene{cold: true}),
	),
	in("copies", slices.DeleteFunc(common(scene{copies: true}), func(w workload) bool { return w.writes })...),
	in("ordinary", common(scene{ordinary: true})...),
)

// pauseSocket stands for a name in the run's directory.
const pauseSocket = "PAUSE"

// common are the workloads that tell most about a scene.
func common(s scene) []workload {
	return []workload{
		copying("nbdcopy to null:", false, s),
		copying("nbdcopy to the server", true, s),
		fio("randread", "4k", 1, 1, s),
		fio("randread", "4k", 32, 1, s),
		fio("randwrite", "4k", 32, 1, s),
		fio("randread", "64k", 8, 1, s),
		fio("randwrite", "64k", 8, 1, s),
		fio("read", "1m", 8, 1, s),
		fio("write", "1m", 8, 1, s),
	}
}

func in(group string, list ...workload) []workload {
	for i := range list {
		list[i].group = group
	}
	return list
}

func under(prefix string, list []workload) []workload {
	for i := range list {
		list[i].name = prefix + list[i].name
	}
	return list
}
