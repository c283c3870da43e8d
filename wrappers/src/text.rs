//! The machine code of a front (x86-64, System V ABI).

/// Bytes of one function and of one lazy stub; both start at a multiple of it.
pub const STUB: u64 = 16;

/// Code that is being laid out at a known address.
pub struct Text {
    base: u64,
    code: Vec<u8>,
}

impl Text {
    /// No code, at `base`.
    pub fn new(base: u64) -> Self {
        Text { base, code: Vec::new() }
    }

    /// Where the next byte goes.
    pub fn here(&self) -> u64 {
        self.base + self.code.len() as u64
    }

    /// The finished code.
    pub fn into_code(self) -> Vec<u8> {
        self.code
    }

    fn put(&mut self, bytes: &[u8]) {
        self.code.extend_from_slice(bytes);
    }

    /// A 32-bit displacement from the next byte to `target`.
    fn relative(&mut self, target: u64) {
        // A front is far smaller than 2 GiB.
        let distance = target.wrapping_sub(self.here() + 4) as i32;
        self.put(&distance.to_le_bytes());
    }

    fn align(&mut self) {
        while !(self.code.len() as u64).is_multiple_of(STUB) {
            self.code.push(0xcc); // int3
        }
    }

    /// An exported function: `endbr64; jmp *slot(%rip)`. Returns its address.
    pub fn function(&mut self, slot: u64) -> u64 {
        self.align();
        let address = self.here();
        self.put(&[0xf3, 0x0f, 0x1e, 0xfa]);
        self.put(&[0xff, 0x25]);
        self.relative(slot);
        address
    }

    /// What a slot holds at first: `endbr64; push $index; jmp resolver`. Returns its address.
    pub fn lazy_stub(&mut self, index: u32, resolver: u64) -> u64 {
        self.align();
        let address = self.here();
        self.put(&[0xf3, 0x0f, 0x1e, 0xfa]);
        self.put(&[0x68]);
        self.put(&index.to_le_bytes());
        self.put(&[0xe9]);
        self.relative(resolver);
        address
    }

    /// The common end of all lazy stubs: saves every register that can carry an argument (six integers, the static chain r10,
    /// the vector count in al, xmm0 to xmm7), calls `*resolve` with the descriptor and the pushed index, and jumps to the result. No HIP or
    /// HSA function takes wider vectors. Returns its address.
    pub fn resolver(&mut self, descriptor: u64, resolve: u64) -> u64 {
        self.align();
        let address = self.here();
        self.put(&[0x55, 0x48, 0x89, 0xe5]); // push %rbp; mov %rsp,%rbp
        self.put(&[0x50, 0x57, 0x56, 0x52, 0x51]); // push rax rdi rsi rdx rcx
        self.put(&[0x41, 0x50, 0x41, 0x51, 0x41, 0x52, 0x41, 0x53]); // push r8 r9 r10 r11
        self.put(&[0x48, 0x81, 0xec, 0x80, 0, 0, 0]); // sub $128,%rsp: now a multiple of 16
        (0..8u8).for_each(|n| self.put(&[0x0f, 0x11, 0x44 | n << 3, 0x24, n * 16])); // movups %xmmN,16N(%rsp)
        self.put(&[0x48, 0x8d, 0x3d]); // lea descriptor(%rip),%rdi
        self.relative(descriptor);
        self.put(&[0x8b, 0x75, 0x08]); // mov 8(%rbp),%esi: the index
        self.put(&[0xff, 0x15]); // call *resolve(%rip)
        self.relative(resolve);
        self.put(&[0x48, 0x89, 0x45, 0x08]); // mov %rax,8(%rbp): over the index
        (0..8u8).for_each(|n| self.put(&[0x0f, 0x10, 0x44 | n << 3, 0x24, n * 16])); // movups 16N(%rsp),%xmmN
        self.put(&[0x48, 0x81, 0xc4, 0x80, 0, 0, 0]); // add $128,%rsp
        self.put(&[0x41, 0x5b, 0x41, 0x5a, 0x41, 0x59, 0x41, 0x58]); // pop r11 r10 r9 r8
        self.put(&[0x59, 0x5a, 0x5e, 0x5f, 0x58, 0x5d]); // pop rcx rdx rsi rdi rax rbp
        self.put(&[0x41, 0x5b, 0x41, 0xff, 0xe3]); // pop %r11; jmp *%r11
        address
    }

    /// The initialiser: `endbr64; lea descriptor(%rip),%rdi; jmp *attach(%rip)`. Returns its address.
    pub fn initialiser(&mut self, descriptor: u64, attach: u64) -> u64 {
        self.align();
        let address = self.here();
        self.put(&[0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8d, 0x3d]);
        self.relative(descriptor);
        self.put(&[0xff, 0x25]);
        self.relative(attach);
        address
    }
}
