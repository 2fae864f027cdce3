"""Where a job runs: threads of this process, processes of their own; and sampling sessions."""
