p
B1P1 â@NZ	
tier1¢
B1