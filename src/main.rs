//! The `tidegate` program: the allocator, and the call of the verb.

/// Worker threads allocate and free at the same time; the system allocator shares arenas among them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tidegate::cli::main()
}
