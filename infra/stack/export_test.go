package stack

// Rights are the rows of the table of rights: a function, a resource and an
// action, as in "enqueue leases dynamodb:Scan".
func Rights() []string {
	var out []string
	for name, may := range granted {
		add := func(resource, service string, verbs []string) {
			for _, verb := range verbs {
				out = append(out, name+" "+resource+" "+service+":"+verb)
			}
		}
		add("leases", "dynamodb", may.leases)
		add("chat", "dynamodb", may.chat)
		add("indexes", "dynamodb", may.indexes)
		add("wakeups", "sqs", may.wakeups)
		add("slowWakeups", "sqs", may.slowWakeups)
		add("callbackWakeups", "sqs", may.callbackWakeups)
		add("sweepTasks", "sqs", may.sweepTasks)
		add("deadLetters", "sqs", may.deadLetters)
		add("chatQueues", "sqs", may.chatQueues)
		if may.listQueues {
			add("*", "sqs", []string{"ListQueues"})
		}
		add("bus", "events", may.bus)
	}
	return out
}
