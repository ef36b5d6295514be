"""What a sample file tells: a trial of it under the configuration, and a draft of an entity that takes it."""
