"""Where a job runs: threads of this process; and sampling sessions."""
